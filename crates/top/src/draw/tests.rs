//! Screens of a daemon that was recorded: what it answered, as it came, at three moments 0.7 s apart.
//!
//! With `SIDING_BLESS=1` in the environment they are written.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use siding_client::Answer;
use siding_client::Reply;

use super::*;
use crate::keys::Key;
use crate::sample::Sample;

const RECORDED: &str = include_str!("../testdata/recorded.jsonl");

fn samples() -> Vec<Sample> {
    let sample = |(line, at): (&str, u64)| {
        let Reply { answer: Answer::Batch(replies), .. } = serde_json::from_str(line).unwrap() else {
            panic!("{line}")
        };
        Sample::of(replies.into_iter().map(|reply| reply.answer), Duration::from_millis(700 * at))
    };
    RECORDED.lines().zip(0..).map(sample).collect()
}

fn model() -> Model {
    let mut model = Model::default();
    samples().into_iter().for_each(|sample| model.take(sample));
    model
}

fn view() -> View {
    View::new("/run/siding.sock", Duration::from_millis(700))
}

/// What a screen of this size shows, line by line.
fn screen(model: &Model, view: &mut View, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let drawn = terminal.draw(|frame| {
        view.seen = draw(model, view, Duration::from_secs(20), frame.area(), frame.buffer_mut());
    });
    let buffer = drawn.unwrap().buffer.clone();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

/// What is seen is what was seen before.
fn as_before(name: &str, seen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testdata").join(name);
    if std::env::var_os("SIDING_BLESS").is_some() {
        std::fs::write(&path, seen).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(before == seen, "{name} was\n{before}\nand is\n{seen}\nSIDING_BLESS=1 writes it");
}

/// Each panel in turn.
fn panels(size: (u16, u16)) -> String {
    let (model, mut view) = (model(), view());
    Panel::ALL.into_iter().fold(String::new(), |all, panel| {
        view.panel = panel;
        let screen = screen(&model, &mut view, size);
        assert_eq!(screen.lines().count(), usize::from(size.1));
        all + &"=".repeat(usize::from(size.0)) + "\n" + &screen
    })
}

#[test]
fn panels_on_the_usual_screen() {
    as_before("80x24.txt", &panels((80, 24)));
}

#[test]
fn panels_on_a_small_screen() {
    as_before("60x16.txt", &panels((60, 16)));
}

#[test]
fn a_large_screen_has_all_panels() {
    let mut view = view();
    view.panel = Panel::Queues;
    as_before("132x43.txt", &screen(&model(), &mut view, (132, 43)));
}

#[test]
fn one_screen_as_text() {
    as_before("once.txt", &text(&model(), &view(), 80));
}

#[test]
fn a_lost_daemon_is_said_and_what_was_known_stays() {
    let (mut model, mut view) = (model(), view());
    model.lose("no siding answers at /run/siding.sock".into(), Duration::from_secs(8));
    let seen = screen(&model, &mut view, (80, 24));
    let first = seen.lines().next().unwrap();
    assert_eq!(first, "siding top  LOST for 12s, trying again: no siding answers at /run/siding.sock");
    assert!(seen.contains("lan"), "{seen}");
    view.paused = true;
    let seen = screen(&model, &mut view, (80, 24));
    assert!(seen.starts_with("siding top  PAUSED  LOST for 12s, trying again: no siding"), "{seen}");
    view.paused = false;
    // Whoever comes back is compared with nothing, and then with itself.
    let [first, second, _] = samples().try_into().unwrap();
    model.take(first);
    assert!(model.over.is_none() && model.lost.is_none());
    assert!(!screen(&model, &mut view, (80, 24)).contains("LOST"));
    model.take(second);
    assert_eq!(model.over, Some(Duration::from_millis(700)));
}

#[test]
fn before_the_first_sample_there_is_a_screen_too() {
    let seen = screen(&Model::default(), &mut view(), (80, 24));
    assert!(seen.contains("Waiting for the daemon.") && seen.contains("Nothing is known yet."), "{seen}");
}

#[test]
fn any_size_is_drawn_and_help_lies_over_it() {
    let (model, mut view) = (model(), view());
    for panel in Panel::ALL {
        view.panel = panel;
        for height in 1..=45 {
            for width in [1, 2, 7, 20, 39, 59, 60, 79, 80, 119, 120, 200] {
                drop(screen(&model, &mut view, (width, height)));
            }
        }
    }
    view.press(Key::Char('?'));
    for size in [(1, 1), (30, 5), (80, 24), (200, 60)] {
        drop(screen(&model, &mut view, size));
    }
    let seen = screen(&model, &mut view, (80, 24));
    assert!(seen.contains(" Keys ") && seen.contains("PgUp PgDn"), "{seen}");
}

#[test]
fn orders_and_scrolling_are_seen() {
    let (model, mut view) = (model(), view());
    let first = |screen: &str| screen.lines().nth(6).unwrap().to_owned();
    let by_name = screen(&model, &mut view, (80, 24));
    assert!(first(&by_name).contains("lagg0"), "{by_name}");
    view.press(Key::Char('s'));
    let by_packets = screen(&model, &mut view, (80, 24));
    assert!(first(&by_packets).contains("lan") && by_packets.contains(" by packets "), "{by_packets}");
    view.press(Key::Char('s'));
    screen(&model, &mut view, (80, 12));
    view.press(Key::Down);
    let scrolled = screen(&model, &mut view, (80, 12));
    assert!(scrolled.contains(" 2 to 5 of 10 "), "{scrolled}");
    view.press(Key::End);
    assert!(screen(&model, &mut view, (80, 12)).contains(" 7 to 10 of 10 "));
}

#[test]
fn colour_is_left_out_where_nobody_wants_it() {
    let (model, mut view) = (model(), view());
    let colors = |view: &View| {
        let area = Rect::new(0, 0, 80, 24);
        let mut buffer = Buffer::empty(area);
        draw(&model, view, Duration::ZERO, area, &mut buffer);
        buffer.content.iter().filter(|cell| cell.fg != ratatui::style::Color::Reset).count()
    };
    assert_eq!(colors(&view), 0);
    view.color = true;
    assert!(colors(&view) > 0);
}
