//! Whether a command answered what its page shows.

/// Times, rates and ages differ from one reading to the next, and so do the numbers in the rows of a table, but for
/// what is nothing; everything else is to be the same. A line `...` stands for any number of lines.
pub(super) fn same(shown: &[String], answered: &[String]) -> bool {
    alike_from(shown, answered, false)
}

fn alike_from(shown: &[String], answered: &[String], in_table: bool) -> bool {
    match shown.split_first() {
        None => answered.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=answered.len()).any(|skipped| alike_from(rest, &answered[skipped..], in_table))
        }
        Some((line, rest)) => answered.split_first().is_some_and(|(first, others)| {
            let in_table = !line.is_empty() && (in_table || is_head(line));
            alike(line, first, in_table) && alike_from(rest, others, in_table)
        }),
    }
}

/// The head of a table: `ADDRESS  STATE  SINCE/s`.
fn is_head(line: &str) -> bool {
    let name = |word: &str| {
        word.len() > 1 && !word.split('/').next().unwrap_or_default().contains(|c: char| c.is_lowercase())
    };
    line.split_whitespace().count() > 1
        && line.starts_with(|c: char| c.is_uppercase())
        && line.split_whitespace().all(name)
}

fn alike(shown: &str, answered: &str, in_table: bool) -> bool {
    let word = |word: &str| {
        let counts = in_table && word != "0" && word.chars().all(|c| c.is_ascii_digit());
        if counts { "COUNT".to_owned() } else { without_time(word) }
    };
    let words = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>();
    words(shown) == words(answered)
}

/// A word that is a time or a share of one, without its number: `0.31`, `time=0.3`, `29s`, `2003ms`.
fn without_time(word: &str) -> String {
    let (name, value) = word.split_once('=').map_or(("", word), |(name, value)| (name, value));
    let number = value.trim_end_matches(',').trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = value.trim_end_matches(',').strip_prefix(number).unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let timed = matches!(unit, "s" | "sec" | "ms" | "us") || number.contains('.') && unit.is_empty();
    // `rtt min/avg/max/mdev = 0.1/0.2/0.3/0.1 ms`
    let shares = number.contains('/') && number.split('/').all(|part| is_number(part) && part.contains('.'));
    if shares || is_number(number) && timed && number.matches('.').count() < 2 {
        format!("{name}=TIME{unit}")
    } else {
        word.to_owned()
    }
}

#[test]
fn times_may_differ_and_nothing_else() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let is_same = |a: &str, b: &str| same(&lines(a), &lines(b));
    assert!(is_same("age 12s time=0.31 ms", "age  9s time=1.2 ms"));
    assert!(is_same("rtt = 0.1/0.2/0.3/0.1 ms", "rtt = 1.1/2.2/3.3/0.9 ms"));
    assert!(is_same("a\n...\nz", "a\nb\nc\nz"));
    assert!(is_same("...\nz", "z"));
    assert!(!is_same("a\n...\nz", "a\nb"));
    assert!(!is_same("3 received", "2 received"));
    assert!(!is_same("0% packet loss", "33% packet loss"));
    assert!(!is_same("192.0.2.1", "192.0.2.2"));
    assert!(!is_same("2001:db8::1/64", "2001:db8::2/64"));
    assert!(!is_same("", "a"));
    assert!(is_same("NAME  SINCE/s\na  12", "NAME  SINCE/s\na  9"));
    assert!(!is_same("NAME  SINCE/s\na  12", "NAME  SINCE/s\nb  12"));
    assert!(!is_same("NAME  LOST\na  0", "NAME  LOST\na  3"));
}
