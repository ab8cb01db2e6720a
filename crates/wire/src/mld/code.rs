//! The floating-point codes of queries: RFC 3810 s5.1.3 and s5.1.9.

/// Milliseconds of a maximum response code.
pub(super) const fn delay_of(code: u16) -> u32 {
    if code < 0x8000 {
        return code as u32;
    }
    let exp = (code >> 12) & 7;
    ((code & 0x0fff) as u32 | 0x1000) << (exp + 3)
}

/// The code of the greatest delay that is not above `delay` milliseconds.
pub(super) const fn code_of_delay(delay: u32) -> u16 {
    if delay < 0x8000 {
        return delay as u16;
    }
    let exp = delay.ilog2() - 15;
    if exp > 7 {
        return u16::MAX;
    }
    0x8000 | (exp as u16) << 12 | ((delay >> (exp + 3)) & 0x0fff) as u16
}

/// Seconds of a querier's query interval code.
pub(super) const fn interval_of(code: u8) -> u32 {
    if code < 0x80 {
        return code as u32;
    }
    let exp = (code >> 4) & 7;
    ((code & 0x0f) as u32 | 0x10) << (exp + 3)
}

/// The code of the greatest interval that is not above `interval` seconds.
pub(super) const fn code_of_interval(interval: u32) -> u8 {
    if interval < 0x80 {
        return interval as u8;
    }
    let exp = interval.ilog2() - 7;
    if exp > 7 {
        return u8::MAX;
    }
    0x80 | (exp as u8) << 4 | ((interval >> (exp + 3)) & 0x0f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(delay_of(10_000), 10_000);
        assert_eq!(delay_of(0x8000), 32_768);
        assert_eq!(delay_of(0x9abc), (0x1abc) << 4);
        assert_eq!(delay_of(0xffff), 8_387_584);
        assert_eq!(interval_of(125), 125);
        assert_eq!(interval_of(0x80), 128);
        assert_eq!(interval_of(0xff), 31_744);
    }

    #[test]
    fn every_code_reads_back() {
        for code in 0..=u16::MAX {
            assert_eq!(code_of_delay(delay_of(code)), code);
        }
        for code in 0..=u8::MAX {
            assert_eq!(code_of_interval(interval_of(code)), code);
        }
    }

    #[test]
    fn values_between_codes_are_rounded_down() {
        for delay in (0..9_000_000).step_by(61) {
            let coded = delay_of(code_of_delay(delay));
            assert!(coded <= delay && (delay > 8_387_584 || delay - coded <= delay >> 12));
        }
        for interval in 0..40_000 {
            let coded = interval_of(code_of_interval(interval));
            assert!(coded <= interval && (interval > 31_744 || interval - coded <= interval >> 4));
        }
        assert_eq!(code_of_delay(u32::MAX), u16::MAX);
        assert_eq!(code_of_interval(u32::MAX), u8::MAX);
    }
}
