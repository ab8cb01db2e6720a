//! How long somebody at the other end of a socket is waited for: until a moment, and no longer than that whatever he does.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::net::RecvFlags;
use rustix::net::SendFlags;

/// For one connection, or one thing that is told on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// All is over by then.
    until: Instant,
    /// So long nothing at all may happen.
    still: Duration,
}

impl Patience {
    /// From now on, for so long.
    pub(crate) fn new(whole: Duration) -> Patience {
        Patience { until: Instant::now() + whole, still: whole }
    }

    /// Nothing at all may happen for so long only.
    pub(crate) fn still(self, still: Duration) -> Patience {
        Patience { still, ..self }
    }

    /// Sends all of it.
    ///
    /// # Errors
    ///
    /// It has not been taken in time, or cannot be sent.
    pub(crate) fn send(&self, to: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // What fits is sent at once, without any patience.
        loop {
            match rustix::net::send(&to, bytes, flags) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(rustix::io::Errno::AGAIN) => self.wait(&to, PollFlags::OUT)?,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if bytes.is_empty() {
                return Ok(());
            }
            if Instant::now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// What comes next, 0 bytes at the end.
    ///
    /// # Errors
    ///
    /// Nothing has come in time, or it cannot be received.
    pub(crate) fn receive(&self, from: impl AsFd, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if Instant::now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match rustix::net::recv(&from, &mut *into, RecvFlags::DONTWAIT) {
                Ok((bytes, _)) => return Ok(bytes),
                Err(rustix::io::Errno::AGAIN) => self.wait(&from, PollFlags::IN)?,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn wait(&self, on: impl AsFd, what: PollFlags) -> io::Result<()> {
        let until = self.until.min(Instant::now() + self.still);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // An interrupted wait is as good as one that is over.
            let left = Timespec::try_from(left).ok();
            if poll(&mut [PollFd::new(&on, what)], left.as_ref()).is_ok_and(|ready| ready > 0) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    #[test]
    fn one_who_takes_it_drop_by_drop_is_waited_for_no_longer_than_anybody() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (whole, begun) = (Duration::from_millis(300), Instant::now());
        thread::scope(|scope| {
            // Something happens all the time.
            scope.spawn(move || {
                let mut some = vec![0; 50_000];
                while begun.elapsed() < whole * 2 && theirs.read(&mut some).is_ok_and(|some| some > 0) {
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let error = Patience::new(whole).send(&ours, &vec![0; 64 << 20]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!((whole..whole * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            drop(ours);
        });
    }
}
