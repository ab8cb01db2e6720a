//! Values: addresses, ports, flags, and what else a field holds.

use super::Cursor;
use crate::lex::Tok;
use crate::place::Wrong;
use crate::types::Type;
use crate::types::Value;

impl Cursor<'_> {
    /// A value, a prefix or a range.
    pub(crate) fn value(&mut self, ty: Type) -> Result<Value, Wrong> {
        if ty.is_flags() || matches!(self.peek_tok(), Some(Tok::Mark("("))) {
            return self.flags(ty).map(Value::Exact);
        }
        let spot = self.spot();
        let word = self.value_word(ty)?;
        let value = ty.value(word).map_err(|what| Wrong::at(spot, what))?;
        // `1 - 9` is `1-9`.
        if self.peek_word() == "-" {
            self.skip();
            let high = self.exact(ty)?;
            let range = match value {
                Value::Exact(low) => ty.range(low, high),
                _ => None,
            };
            return range.ok_or_else(|| Wrong::at(spot, "a range ends before it begins: write LOW-HIGH"));
        }
        Ok(value)
    }

    /// One value.
    pub(crate) fn exact(&mut self, ty: Type) -> Result<u128, Wrong> {
        if ty.is_flags() || matches!(self.peek_tok(), Some(Tok::Mark("("))) {
            return self.flags(ty);
        }
        let spot = self.spot();
        let word = self.value_word(ty)?;
        ty.parse(word).map_err(|what| Wrong::at(spot, what))
    }

    /// Flags joined by `|`, in parentheses or not.
    fn flags(&mut self, ty: Type) -> Result<u128, Wrong> {
        let open = self.eat_mark("(");
        let mut value = 0;
        loop {
            let spot = self.spot();
            let word = self.value_word(ty)?;
            value |= ty.parse(word).map_err(|what| Wrong::at(spot, what))?;
            let more = self.eat_mark("|") || (open && self.eat_mark(","));
            if !more {
                break;
            }
        }
        if open {
            self.need_mark(")")?;
        }
        Ok(value)
    }

    /// Flags joined by `,` or `|`: any of them, and whether there were several.
    pub(crate) fn flag_list(&mut self, ty: Type) -> Result<u128, Wrong> {
        let mut value = self.flags(ty)?;
        while self.eat_mark(",") {
            value |= self.flags(ty)?;
        }
        Ok(value)
    }

    pub(crate) fn value_word(&mut self, ty: Type) -> Result<&str, Wrong> {
        match self.peek_tok() {
            Some(Tok::Word(word) | Tok::Text(word)) => {
                self.skip();
                Ok(word)
            }
            Some(Tok::Set(_)) => {
                self.expected("the value itself: a set may only stand alone, after the field")
            }
            _ => {
                let what = ty.what();
                let article = if what.starts_with(['a', 'e', 'i', 'o', 'u', 'E', 'I']) { "an" } else { "a" };
                self.expected(&format!("{article} {what}"))
            }
        }
    }
}
