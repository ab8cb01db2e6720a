//! Keys, from the bytes that a terminal sends for them.
//!
//! The library's own reader turns round for ever on a terminal that has gone, and is not to be used.

/// What somebody has pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Escape,
    /// Ctrl-C, or the end of what is typed.
    Interrupt,
}

/// The keys of what came at one time. What is no key of ours is left out.
pub(crate) fn keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let (key, rest) = match (first, rest) {
            (0x1b, [b'[' | b'O', after @ ..]) => sequence(after),
            (0x1b, _) => (Some(Key::Escape), rest),
            (b'\t', _) => (Some(Key::Tab), rest),
            (0x03 | 0x04, _) => (Some(Key::Interrupt), rest),
            (b' '..=b'~', _) => (Some(Key::Char(char::from(*first))), rest),
            _ => (None, rest),
        };
        keys.extend(key);
        bytes = rest;
    }
    keys
}

/// What stands behind the beginning of a sequence (ECMA-48): parameters, and a letter that ends them.
fn sequence(bytes: &[u8]) -> (Option<Key>, &[u8]) {
    let end = bytes.iter().position(|byte| (0x40..=0x7e).contains(byte));
    let Some((parameters, [last, rest @ ..])) = end.map(|end| bytes.split_at(end)) else {
        return (None, &[]);
    };
    let key = match (last, parameters) {
        (b'A', _) => Some(Key::Up),
        (b'B', _) => Some(Key::Down),
        (b'C', _) => Some(Key::Right),
        (b'D', _) => Some(Key::Left),
        (b'H', _) | (b'~', b"1" | b"7") => Some(Key::Home),
        (b'F', _) | (b'~', b"4" | b"8") => Some(Key::End),
        (b'Z', _) => Some(Key::BackTab),
        (b'~', b"5") => Some(Key::PageUp),
        (b'~', b"6") => Some(Key::PageDown),
        _ => None,
    };
    (key, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_terminals_send_them() {
        let told = keys(b"q\x1b[A\x1bOB\x1b[5~\x1b[6~\t\x1b[Z+\x1b[1;5C\x03");
        let expected = [
            Key::Char('q'),
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Tab,
            Key::BackTab,
            Key::Char('+'),
            Key::Right,
            Key::Interrupt,
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_no_key_is_left_out() {
        assert_eq!(keys(b"\x1b"), [Key::Escape]);
        assert_eq!(keys(b"\x1b["), []);
        assert_eq!(keys(b"\x1b[200"), []);
        assert_eq!(keys(b"\x1b[99~\xc3\xa4\x00s"), [Key::Char('s')]);
        // Whatever comes, it ends.
        (0..=u8::MAX).for_each(|byte| drop(keys(&[0x1b, b'[', byte, byte])));
    }
}
