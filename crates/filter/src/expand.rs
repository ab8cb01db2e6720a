//! Variables and included files, taken out of the words before anything else looks at them.

use std::collections::HashMap;

use crate::lex::Tok;
use crate::lex::Token;
use crate::lex::lex;
use crate::place::Files;
use crate::place::Spot;
use crate::place::Wrong;

/// So deep may files include one another.
const DEEPEST: usize = 16;
/// So many words may come of all: variables in variables could make more than any memory holds.
const MOST: usize = 8_000_000;
/// So many files may a file include in all, those that are included by included ones among them: a few lines that include
/// their own file would be read without end otherwise.
const MOST_FILES: usize = 256;
/// So many bytes may these have.
const MOST_BYTES: usize = 64 << 20;

/// What is read by its name: the content, or why not.
pub(crate) type Include<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

pub(crate) struct Expand<'a, 'b> {
    pub(crate) files: &'a mut Files,
    pub(crate) include: &'a mut Include<'b>,
    pub(crate) wrongs: &'a mut Vec<Wrong>,
    variables: HashMap<String, Vec<Token>>,
    out: Vec<Token>,
    full: bool,
    /// Included so far: files, and their bytes.
    included: (usize, usize),
}

impl<'a, 'b> Expand<'a, 'b> {
    pub(crate) fn new(
        files: &'a mut Files,
        include: &'a mut Include<'b>,
        wrongs: &'a mut Vec<Wrong>,
    ) -> Expand<'a, 'b> {
        Expand {
            files,
            include,
            wrongs,
            variables: HashMap::new(),
            out: Vec::new(),
            full: false,
            included: (0, 0),
        }
    }

    /// The words of a file, with the words of what it includes in their place.
    pub(crate) fn file(&mut self, number: u16, text: &str, depth: usize) {
        let (tokens, wrongs) = lex(number, text);
        self.wrongs.extend(wrongs);
        let mut at = 0;
        let mut begins = true;
        while let Some(token) = tokens.get(at) {
            let word = match &token.tok {
                Tok::Word(word) if begins => word.as_str(),
                _ => "",
            };
            match word {
                "include" => at = self.included(&tokens, at, depth),
                "define" | "redefine" => at = self.define(&tokens, at),
                "undefine" => at = self.undefine(&tokens, at),
                _ => {
                    begins = matches!(token.tok, Tok::Line | Tok::Mark(";" | "{" | "}"));
                    self.push(token);
                    at += 1;
                }
            }
        }
    }

    pub(crate) fn done(self) -> Vec<Token> {
        self.out
    }

    fn push(&mut self, token: &Token) {
        let words = match &token.tok {
            Tok::Variable(name) => match self.variables.get(name) {
                Some(words) => words.as_slice(),
                None => {
                    let what = format!("no variable `{name}`: write `define {name} = …` before it");
                    self.wrongs.push(Wrong::at(token.spot, what));
                    return;
                }
            },
            _ => std::slice::from_ref(token),
        };
        if self.out.len() + words.len() > MOST {
            self.fill(token.spot, format!("more than {MOST} words: write fewer"));
            return;
        }
        self.out.extend_from_slice(words);
    }

    /// Takes nothing more from here on, and says why, once.
    fn fill(&mut self, spot: Spot, why: String) {
        if !self.full {
            self.wrongs.push(Wrong::at(spot, why));
        }
        self.full = true;
    }

    fn included(&mut self, tokens: &[Token], at: usize, depth: usize) -> usize {
        let spot = tokens[at].spot;
        let Some(Token { tok: Tok::Text(path), .. }) = tokens.get(at + 1) else {
            self.wrongs.push(Wrong::at(spot, "a file's name in quotes is missing: write `include \"FILE\"`"));
            return at + 1;
        };
        if path.contains(['*', '?', '[']) {
            let what = "a pattern is not read here: write one `include \"FILE\"` for each file";
            self.wrongs.push(Wrong::at(tokens[at + 1].spot, what));
        } else if depth >= DEEPEST {
            let what = format!("files that include one another more than {DEEPEST} deep: write them in one");
            self.wrongs.push(Wrong::at(spot, what));
        } else if self.full {
            // That has been said.
        } else if self.included.0 >= MOST_FILES {
            let what = format!(
                "more than {MOST_FILES} files are included: write fewer, and none that includes itself"
            );
            self.fill(spot, what);
        } else {
            self.included.0 += 1;
            match (self.include)(path) {
                Ok(text) if self.included.1 + text.len() > MOST_BYTES => {
                    let what = format!("with {path}, more than {MOST_BYTES} bytes are included: write fewer");
                    self.fill(spot, what);
                }
                Ok(text) => {
                    self.included.1 += text.len();
                    let number = self.files.add(path);
                    self.file(number, &text, depth + 1);
                }
                Err(why) => self.wrongs.push(Wrong::at(tokens[at + 1].spot, format!("{path}: {why}"))),
            }
        }
        at + 2
    }

    fn define(&mut self, tokens: &[Token], at: usize) -> usize {
        let name = match tokens.get(at + 1).map(|token| &token.tok) {
            Some(Tok::Word(name)) => name.clone(),
            _ => return self.bad_define(tokens[at].spot, at),
        };
        if tokens.get(at + 2).map(|token| &token.tok) != Some(&Tok::Mark("=")) {
            return self.bad_define(tokens[at].spot, at);
        }
        let mut depth = 0_usize;
        let mut end = at + 3;
        let before = self.out.len();
        while let Some(token) = tokens.get(end) {
            match token.tok {
                Tok::Line | Tok::Mark(";") if depth == 0 => break,
                Tok::Mark("{") => depth += 1,
                Tok::Mark("}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            if token.tok != Tok::Line {
                self.push(token);
            }
            end += 1;
        }
        let words = self.out.split_off(before);
        if words.is_empty() {
            return self.bad_define(tokens[at].spot, at);
        }
        self.variables.insert(name, words);
        end
    }

    fn undefine(&mut self, tokens: &[Token], at: usize) -> usize {
        let name = match tokens.get(at + 1).map(|token| &token.tok) {
            Some(Tok::Word(name)) => name.as_str(),
            _ => "",
        };
        if self.variables.remove(name).is_none() {
            let what = format!("no variable `{name}`: remove the line");
            self.wrongs.push(Wrong::at(tokens[at].spot, what));
        }
        at + 2
    }

    fn bad_define(&mut self, spot: Spot, at: usize) -> usize {
        self.wrongs
            .push(Wrong::at(spot, "a variable's name or value is missing: write `define NAME = VALUE`"));
        at + 1
    }
}
