use super::*;

fn records() -> Records {
    Records { directory: PathBuf::new(), boot: "b-1".into(), namespace: 77 }
}

fn undo() -> Undo {
    let settings = SILENT.iter().map(|(setting, _)| (*setting, "2".to_owned())).collect();
    let features = TurnedOff::parse(&["0:0", "ff00:0f00"]).unwrap();
    Undo { settings, features, ingress: Some(Ingress::Queue), down: true }
}

#[test]
fn what_is_written_is_read_and_nothing_else_is() {
    let text = records().text(5, "eth0", &undo());
    let read = |text: &str| records().parse(text, 77, 5);
    assert_eq!(read(&text).unwrap(), ("eth0".to_owned(), undo()));
    for ingress in [None, Some(Ingress::Filter)] {
        let undo = Undo { ingress, ..undo() };
        assert_eq!(read(&records().text(5, "eth0", &undo)).unwrap().1, undo);
    }
    // Cut off or changed anywhere, it is not used.
    for at in 0..text.len() {
        assert!(read(&text[..at]).is_err(), "{at}");
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        assert!(read(&String::from_utf8(changed).unwrap()).is_err(), "{at}");
    }
    assert!(read(&format!("{text}x")).is_err());
    // As a power cut leaves it.
    for lost in ["", "\0", &"\0".repeat(text.len())] {
        assert!(matches!(read(lost), Err(Unreadable::Lost)), "{lost:?}");
    }
    assert!(records().parse(&text, 78, 5).is_err(), "of another namespace");
    assert!(records().parse(&text, 77, 6).is_err(), "of another interface");
    let rebooted = Records { boot: "b-2".into(), ..records() };
    assert!(matches!(rebooted.parse(&text, 77, 5), Err(Unreadable::OtherBoot)));
    // With a right sum, but not ours to change.
    for line in [
        "setting ipv6 forwarding 1",
        "setting ipv4 arp_ignore 1; reboot",
        "features 1",
        "ingress",
        "ingress all",
        "up",
    ] {
        let body = format!("{HEAD}\nboot b-1\nnetns 77\nindex 5\ninterface eth0\n{line}\n");
        let text = format!("{body}sum {:016x}\n", check_sum(&body));
        assert!(matches!(read(&text), Err(Unreadable::Odd(_))), "{line}");
    }
}

#[test]
fn what_is_another_users_is_neither_read_nor_removed_nor_written_over() {
    let directory = std::env::temp_dir().join(format!("siding-records-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let records = Records { directory: directory.clone(), ..records() };
    records.write(5, "eth0", &undo()).unwrap();
    assert_eq!(records.read(5).unwrap(), Some(undo()));
    let file = records.path(5);
    if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
        let text = fs::read(&file).unwrap();
        let refused = |done: io::Result<()>| {
            let told = done.unwrap_err().to_string();
            assert!(told.contains("of user 65534"), "{told}");
            assert_eq!(fs::read(&file).unwrap(), text);
        };
        refused(records.read(5).map(drop));
        refused(records.write(5, "eth0", &Undo { down: false, ..undo() }));
        refused(records.write(5, "eth0", &Undo::default()));
        refused(records.remove(5));
        // Not at the start either, of whatever boot it is.
        let name = file.file_name().unwrap().to_str().unwrap();
        let lock = lock::try_lock(5, &mut None);
        if lock.is_ok() {
            drop(lock);
            refused(records.restore_leftover(name).unwrap().result);
        }
    }
    fs::remove_dir_all(directory).unwrap();
}
