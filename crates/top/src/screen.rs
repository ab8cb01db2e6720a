//! The terminal as a screen of our own, and as it was again whatever happens.

use std::io;
use std::io::IsTerminal;
use std::io::Stdout;
use std::io::stdout;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use crate::table::cut;

/// Whether there is a screen now that has to be put back.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Standard output as a screen of our own, until it is dropped.
#[derive(Debug)]
pub struct Screen(
    // Never dropped: it would say on standard error that it cannot show the cursor where the terminal has gone, and panic, since
    // nobody is there to be told.
    ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
);

impl Screen {
    /// Takes the terminal; with `keys` each key is ours as it is pressed, Ctrl-C too. Without, Ctrl-C is what it was, and other
    /// keys leave no trace.
    ///
    /// # Errors
    ///
    /// Standard output is none, or it has gone.
    pub fn open(keys: bool) -> io::Result<Screen> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                // What it says is for the terminal as it was.
                put_back();
                before(info);
            }));
        });
        OPEN.store(true, Ordering::SeqCst);
        let opened = (|| {
            match keys {
                true => terminal::enable_raw_mode()?,
                false => be_quiet()?,
            }
            execute!(stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
            Terminal::new(CrosstermBackend::new(stdout()))
        })();
        opened.map(|terminal| Screen(ManuallyDrop::new(terminal))).inspect_err(|_| put_back())
    }

    /// Draws what has changed.
    ///
    /// # Errors
    ///
    /// The terminal has gone.
    pub fn draw<T>(&mut self, draw: impl FnOnce(Rect, &mut Buffer) -> T) -> io::Result<T> {
        let mut drawn = None;
        self.0.draw(|frame| drawn = Some(draw(frame.area(), frame.buffer_mut())))?;
        drawn.ok_or_else(|| io::Error::other("nothing was drawn"))
    }

    /// Shows these lines, as far as there is room; the first is the title.
    ///
    /// # Errors
    ///
    /// The terminal has gone.
    pub fn show(&mut self, lines: &[String]) -> io::Result<()> {
        self.draw(|area, buf| {
            for ((at, line), row) in lines.iter().enumerate().zip(area.rows()) {
                let line = Line::from(cut(line, usize::from(row.width)));
                buf.set_line(row.x, row.y, &if at == 0 { line.bold() } else { line }, row.width);
            }
        })
    }

    /// How large it is now.
    ///
    /// # Errors
    ///
    /// The terminal has gone.
    pub fn size(&self) -> io::Result<Rect> {
        Ok(Rect::from((ratatui::layout::Position::ORIGIN, self.0.size()?)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        put_back();
    }
}

/// Keys that are pressed are not written on the screen.
fn be_quiet() -> io::Result<()> {
    let input = io::stdin();
    if input.is_terminal() {
        let before = tcgetattr(&input)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        *quiet() = Some(before);
        tcsetattr(&input, OptionalActions::Now, &silent)?;
    }
    Ok(())
}

/// How standard input was set before.
fn quiet() -> MutexGuard<'static, Option<Termios>> {
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Once for each time it was taken; a terminal that has gone needs it no more.
fn put_back() {
    if OPEN.swap(false, Ordering::SeqCst) {
        let _ = terminal::disable_raw_mode();
        if let Some(before) = quiet().take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
        let _ = execute!(stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    }
}

/// The signal that says to end, as soon as one has come; 0 until then. A second one ends the process at once, for whoever waits
/// for a terminal that takes nothing.
///
/// # Errors
///
/// The system takes no handler.
pub fn heard() -> io::Result<Arc<AtomicUsize>> {
    let (which, once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // The order matters: the first finds it unset, and sets it in the next handler.
        flag::register_conditional_shutdown(signal, 128 + signal, once.clone())?;
        flag::register(signal, once.clone())?;
        flag::register_usize(signal, which.clone(), signal as usize)?;
    }
    Ok(which)
}
