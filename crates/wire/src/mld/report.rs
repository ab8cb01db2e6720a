//! Reports of version 2: RFC 3810 s5.2.

use core::net::Ipv6Addr;

use crate::Malformed;
use crate::icmp6::Icmp6Type;
use crate::writer::Writer;

/// What a record says (RFC 3810 s5.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordKind {
    /// Current state: listening to these sources only.
    ModeIsInclude = 1,
    /// Current state: listening to all but these sources.
    ModeIsExclude = 2,
    /// From now on to these sources only; with none, the listener has left.
    ChangeToInclude = 3,
    /// From now on to all but these sources; with none, the listener has joined.
    ChangeToExclude = 4,
    /// To these sources as well.
    AllowNewSources = 5,
    /// No longer to these sources.
    BlockOldSources = 6,
}

impl RecordKind {
    const fn from_octet(octet: u8) -> Option<RecordKind> {
        Some(match octet {
            1 => RecordKind::ModeIsInclude,
            2 => RecordKind::ModeIsExclude,
            3 => RecordKind::ChangeToInclude,
            4 => RecordKind::ChangeToExclude,
            5 => RecordKind::AllowNewSources,
            6 => RecordKind::BlockOldSources,
            _ => return None,
        })
    }
}

/// What a report says of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Current state or change.
    pub kind: RecordKind,
    /// The group.
    pub group: Ipv6Addr,
    /// Its sources, in network order.
    pub sources: &'a [[u8; 16]],
}

impl Record<'_> {
    /// Someone has begun to listen to `group`, from whatever source.
    pub const fn join(group: Ipv6Addr) -> Record<'static> {
        Record { kind: RecordKind::ChangeToExclude, group, sources: &[] }
    }

    /// No one listens to `group` any more.
    pub const fn leave(group: Ipv6Addr) -> Record<'static> {
        Record { kind: RecordKind::ChangeToInclude, group, sources: &[] }
    }

    /// Someone listens to `group`, from whatever source: the answer to a query.
    pub const fn present(group: Ipv6Addr) -> Record<'static> {
        Record { kind: RecordKind::ModeIsExclude, group, sources: &[] }
    }

    /// Bytes that the record takes in a report.
    pub const fn buffer_len(&self) -> usize {
        RECORD_LEN + 16 * self.sources.len()
    }
}

/// A received report: an iterator over its records that cannot fail, because the lengths were checked when it
/// was made. Records of unknown kind are passed over, auxiliary data is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportV2<'a> {
    left: u16,
    bytes: &'a [u8],
}

impl<'a> ReportV2<'a> {
    /// Nothing if the records run beyond the message; what follows them is ignored (RFC 3810 s5.2.11).
    pub(super) fn read(message: &'a [u8]) -> Option<ReportV2<'a>> {
        let (&[_, _, _, _, _, _, many, few], bytes) = message.split_first_chunk::<8>()?;
        let report = ReportV2 { left: u16::from_be_bytes([many, few]), bytes };
        let mut rest = report;
        for _ in 0..report.left {
            rest.record()?;
        }
        Some(report)
    }

    /// The next record, or `Some(None)` for one of unknown kind; nothing when none is left, or none that is
    /// whole.
    fn record(&mut self) -> Option<Option<Record<'a>>> {
        self.left = self.left.checked_sub(1)?;
        let (&[kind, aux, many, few], rest) = self.bytes.split_first_chunk::<4>()?;
        let (group, rest) = rest.split_first_chunk::<16>()?;
        let sources = usize::from(u16::from_be_bytes([many, few]));
        let (sources, rest) = rest.split_at_checked(16 * sources)?;
        self.bytes = rest.get(4 * usize::from(aux)..)?;
        let (group, sources) = (Ipv6Addr::from(*group), sources.as_chunks::<16>().0);
        Some(RecordKind::from_octet(kind).map(|kind| Record { kind, group, sources }))
    }
}

impl<'a> Iterator for ReportV2<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            //= RFC 3810 s5.2.12 [3810-2]: records of unknown type are ignored, and the others processed
            if let Some(record) = self.record()? {
                return Some(record);
            }
        }
    }
}

/// Writes a whole report with `records` to the front of `out` and says how many bytes it took.
///
/// # Errors
/// [`Malformed::NoRoom`] below [`report_v2_len`], [`Malformed::TooLong`] for more than 65 535 records or
/// sources.
pub fn emit_report_v2(
    records: &[Record<'_>],
    src: Ipv6Addr,
    dst: Ipv6Addr,
    out: &mut [u8],
) -> Result<usize, Malformed> {
    let [many, few] = u16::try_from(records.len()).map_err(|_| Malformed::TooLong)?.to_be_bytes();
    let mut out = Writer::new(out);
    out.put(&[Icmp6Type::MLD_REPORT_V2.0, 0, 0, 0, 0, 0, many, few])?;
    for record in records {
        let sources = u16::try_from(record.sources.len()).map_err(|_| Malformed::TooLong)?;
        let [many, few] = sources.to_be_bytes();
        out.put(&[record.kind as u8, 0, many, few])?;
        out.put(&record.group.octets())?;
        out.put(record.sources.as_flattened())?;
    }
    out.finish(src, dst)
}

/// Bytes that [`emit_report_v2`] writes.
pub fn report_v2_len(records: &[Record<'_>]) -> usize {
    8 + records.iter().map(Record::buffer_len).sum::<usize>()
}

const RECORD_LEN: usize = 20;
