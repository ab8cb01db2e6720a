//! What is written into pcapng files, for Wireshark, tshark and tcpdump.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use siding_drivers::Direction;
use siding_drivers::PcapFile;
use siding_drivers::PcapInterface;
use siding_drivers::PcapNote;
use siding_output::Closed;

use super::life::text;
use super::unhex;
use crate::control::LifeRow;
use crate::control::MomentRow;

/// Files that turn: another begins when one is so large, and so many stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turns {
    pub(super) bytes: u64,
    pub(super) keep: Option<u32>,
}

/// A capture in the making.
pub(super) struct Capture {
    path: PathBuf,
    turns: Option<Turns>,
    file: PcapFile,
    interfaces: BTreeMap<String, PcapInterface>,
    /// In the file that is being written.
    bytes: u64,
    /// Files so far, and those of them that are there.
    count: u32,
    there: VecDeque<PathBuf>,
}

/// Of each block, besides the frame and its comment: no more than that.
const BLOCK: u64 = 64;

impl Capture {
    /// Makes, or empties, the file.
    ///
    /// # Errors
    ///
    /// There can be no such file.
    pub(super) fn begin(path: &Path, turns: Option<Turns>) -> anyhow::Result<Capture> {
        let first = if turns.is_some() { numbered(path, 1) } else { path.to_owned() };
        Ok(Capture {
            path: path.to_owned(),
            turns,
            file: open(&first)?,
            interfaces: BTreeMap::new(),
            bytes: 0,
            count: 1,
            there: VecDeque::from([first]),
        })
    }

    /// Writes a frame; why it was dropped is its comment.
    pub(super) fn frame(&mut self, moment: &MomentRow) -> anyhow::Result<()> {
        let comment = moment.cause.as_ref().map(|cause| match &moment.by {
            Some(by) => format!("dropped: {cause} ({by})"),
            None => format!("dropped: {cause}"),
        });
        self.write(moment, comment.as_deref().unwrap_or_default())
    }

    /// Writes what a packet was when it came, with its life as the comment, and what it was when it left.
    pub(super) fn life(&mut self, life: &LifeRow) -> anyhow::Result<()> {
        let mut comment = text(life);
        for step in life.steps.iter().filter(|step| !step.moment.frame.is_empty()) {
            self.write(&step.moment, comment.trim_end())?;
            comment = format!("#{} as it leaves", life.packet);
        }
        self.flush()
    }

    /// Hands what has been written to the system.
    pub(super) fn flush(&self) -> anyhow::Result<()> {
        writes(&self.path, self.file.flush())
    }

    fn write(&mut self, moment: &MomentRow, comment: &str) -> anyhow::Result<()> {
        let frame = unhex(&moment.frame);
        let bytes = (frame.len() + comment.len()) as u64 + BLOCK;
        if let Some(turns) = self.turns
            && self.bytes > 0
            && self.bytes + bytes > turns.bytes
        {
            self.turn(turns)?;
        }
        self.bytes += bytes;
        let name = moment.interface.as_deref().unwrap_or("siding");
        let interface = match self.interfaces.get(name) {
            Some(interface) => interface.clone(),
            None => {
                let interface = writes(&self.path, self.file.interface(name))?;
                self.interfaces.insert(name.to_owned(), interface.clone());
                interface
            }
        };
        let direction = if moment.out { Direction::Out } else { Direction::In };
        let note = PcapNote { len: moment.len, comment };
        let written = interface.record_noted(moment.at_ns, direction, &frame, &note);
        writes(&self.path, written)
    }

    fn turn(&mut self, turns: Turns) -> anyhow::Result<()> {
        self.flush()?;
        self.count += 1;
        let next = numbered(&self.path, self.count);
        self.file = open(&next)?;
        self.interfaces.clear();
        self.bytes = 0;
        self.there.push_back(next);
        while turns.keep.is_some_and(|keep| self.there.len() > keep as usize) {
            let oldest = self.there.pop_front().unwrap_or_default();
            std::fs::remove_file(&oldest).with_context(|| format!("cannot remove {}", oldest.display()))?;
        }
        Ok(())
    }
}

fn open(path: &Path) -> anyhow::Result<PcapFile> {
    let out: Box<dyn Write + Send> = match path.to_str() {
        Some("-") => Box::new(std::io::stdout()),
        _ => Box::new(File::create(path).with_context(|| format!("cannot make {}", path.display()))?),
    };
    writes(path, PcapFile::new(BufWriter::new(out)))
}

/// Whoever reads a pipe may have seen enough: a normal end, as of text.
fn writes<T>(path: &Path, written: io::Result<T>) -> anyhow::Result<T> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Closed.into(),
        _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
    })
}

/// The name of one of several files.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let extension =
        path.extension().map_or("pcapng".into(), |extension| extension.to_string_lossy().into_owned());
    path.with_extension(format!("{number:05}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_turn_and_the_last_ones_stay() {
        let directory = std::env::temp_dir().join(format!("siding-capture-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("em0.pcapng");
        let mut capture = Capture::begin(&path, Some(Turns { bytes: 4096, keep: Some(2) })).unwrap();
        let frame = "ab".repeat(1000);
        let moment = MomentRow { frame, len: 1500, cause: Some("no-route".into()), ..MomentRow::default() };
        (0..10).for_each(|_| capture.frame(&moment).unwrap());
        capture.flush().unwrap();
        drop(capture);
        let mut there: Vec<(String, u64)> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
            .collect();
        there.sort();
        let bytes = std::fs::read(directory.join("em0.00004.pcapng")).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!([&there[0].0, &there[1].0], ["em0.00003.pcapng", "em0.00004.pcapng"]);
        assert!(there.len() == 2 && there.iter().all(|(_, bytes)| *bytes <= 4096), "{there:?}");
        let comment = b"dropped: no-route";
        assert!(bytes.windows(comment.len()).any(|part| part == comment));
    }
}
