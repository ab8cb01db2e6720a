//! The loop: keys, samples, and a screen that shows what has come of them.

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use siding_client::ClientError;

use crate::draw::draw;
use crate::draw::is_large;
use crate::draw::text;
use crate::keys::keys;
use crate::model::Model;
use crate::sample::Sample;
use crate::sampler::Ask;
use crate::sampler::Connect;
use crate::sampler::Sampler;
use crate::sampler::Told;
use crate::screen::Screen;
use crate::screen::heard;
use crate::view::Effect;
use crate::view::Panel;
use crate::view::View;

/// Between two looks whether something has come.
const TICK: Duration = Duration::from_millis(100);

/// How it is shown.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's name on the screen.
    pub who: String,
    /// Between two looks.
    pub interval: Duration,
    /// Whether there is colour.
    pub color: bool,
}

/// Why it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody has seen enough, or the terminal has gone.
    Quit,
    /// A signal has said so.
    Signal(u8),
}

/// One screen as text: what lies between two looks that are an interval apart.
///
/// # Errors
///
/// There is no daemon, or it has gone meanwhile.
pub fn once(connect: &Connect, options: &Options, width: usize) -> Result<String, ClientError> {
    let (mut client, begun, mut model) = (connect()?, Instant::now(), Model::default());
    model.take(Sample::take(&mut client, true, begun.elapsed())?);
    std::thread::sleep(options.interval);
    model.take(Sample::take(&mut client, true, begun.elapsed())?);
    Ok(text(&model, &View::new(&options.who, options.interval), width))
}

/// Shows it on standard output, which is a terminal, until somebody has seen enough.
///
/// # Errors
///
/// The terminal cannot be used.
pub fn live(connect: Connect, options: &Options) -> io::Result<Ended> {
    let heard = heard()?;
    let keyboard = keyboard()?;
    let begun = Instant::now();
    let mut view = View::new(&options.who, options.interval);
    view.color = options.color;
    let mut model = Model::default();
    let mut screen = Screen::open(true)?;
    let mut sampler = Sampler::start(connect, ask(&view, &screen)?, begun)?;
    let mut shown = None;
    loop {
        if heard.load(Ordering::SeqCst) != 0 {
            return Ok(ended(&heard));
        }
        let mut changed = false;
        while let Some(told) =
            sampler.told().map_err(|()| io::Error::other("who asks the daemon has ended"))?
        {
            changed = true;
            match told {
                Told::Sample(sample) => model.take(*sample),
                Told::Lost(why) => model.lose(why, begun.elapsed()),
            }
        }
        let Ok(size) = screen.size() else { return Ok(ended(&heard)) };
        // How long it has been lost is told while it is.
        if changed || model.lost.is_some() || shown != Some(size) {
            let Ok(seen) = screen.draw(|area, buf| draw(&model, &view, begun.elapsed(), area, buf)) else {
                return Ok(ended(&heard));
            };
            (view.seen, shown) = (seen, Some(size));
            sampler.ask(ask(&view, &screen)?);
        }
        match pressed(&keyboard, TICK)? {
            Pressed::Nothing => {}
            Pressed::Gone => return Ok(ended(&heard)),
            Pressed::Bytes(bytes) => {
                for key in keys(&bytes) {
                    match view.press(key) {
                        Effect::Quit => return Ok(Ended::Quit),
                        Effect::Ask => sampler.ask(ask(&view, &screen)?),
                        Effect::None => {}
                    }
                }
                shown = None;
            }
        }
    }
}

/// Why it ends: the end of a terminal is told by a signal, too, if it is that of the session.
fn ended(heard: &AtomicUsize) -> Ended {
    match heard.load(Ordering::SeqCst) {
        0 => Ended::Quit,
        signal => Ended::Signal(signal as u8),
    }
}

/// What the daemon is asked for what is seen.
fn ask(view: &View, screen: &Screen) -> io::Result<Ask> {
    let neighbors = view.panel == Panel::Neighbors || is_large(screen.size()?);
    Ok(Ask { interval: view.interval, neighbors, paused: view.paused })
}

/// Where keys come from: standard input, or, if that is something else, the terminal that the process belongs to.
fn keyboard() -> io::Result<File> {
    let input = io::stdin();
    match input.is_terminal() {
        true => Ok(input.as_fd().try_clone_to_owned()?.into()),
        false => File::open("/dev/tty"),
    }
}

enum Pressed {
    Nothing,
    Bytes(Vec<u8>),
    /// The terminal has gone, and nobody is there who could press anything.
    Gone,
}

fn pressed(keyboard: &File, within: Duration) -> io::Result<Pressed> {
    let within = Timespec::try_from(within).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(keyboard, PollFlags::IN)], Some(&within)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Pressed::Nothing),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let mut bytes = [0; 256];
    match rustix::io::read(keyboard, &mut bytes) {
        Ok(0) | Err(rustix::io::Errno::IO) => Ok(Pressed::Gone),
        Ok(count) => Ok(Pressed::Bytes(bytes[..count].to_vec())),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Pressed::Nothing),
        Err(error) => Err(error.into()),
    }
}
