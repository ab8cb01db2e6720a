use super::*;

fn segment(kind: Kind, seq: u32, len: u32, ack: Option<u32>, window: u16) -> Segment {
    let counted = len + u32::from(matches!(kind, Kind::Syn | Kind::SynAck | Kind::Fin));
    Segment { kind, seq, end: seq.wrapping_add(counted), ack, window, scale: None }
}

/// A connection whose handshake is done: the client's numbers begin at 1001, the server's at 5001.
fn established(scales: [Option<u8>; 2]) -> [Side; 2] {
    let mut sides = [Side::default(); 2];
    let syn = Segment { scale: scales[0], ..segment(Kind::Syn, 1000, 0, None, 1000) };
    assert!(begin(&mut sides, &syn));
    let syn_ack = Segment { scale: scales[1], ..segment(Kind::SynAck, 5000, 0, Some(1001), 2000) };
    assert_eq!(follow(&mut sides, Phase::SynSent, Way::Reply, true, &syn_ack), Place::Within);
    let ack = segment(Kind::Ack, 1001, 0, Some(5001), 1000);
    assert_eq!(follow(&mut sides, Phase::SynReceived, Way::Original, true, &ack), Place::Within);
    sides
}

fn place(sides: &[Side; 2], way: Way, segment: Segment) -> Place {
    follow(&mut sides.clone(), Phase::Established, way, true, &segment)
}

#[test]
fn data_stays_in_the_window_that_was_offered() {
    let sides = established([None, None]);
    let data = |seq, len| place(&sides, Way::Original, segment(Kind::Ack, seq, len, Some(5001), 1000));
    // The server takes 2000 octets from 1001 on.
    assert_eq!(data(1001, 1000), Place::Within);
    assert_eq!(data(3001, 0), Place::Within, "just behind");
    assert_eq!(data(3002, 1), Place::Outside);
    assert_eq!(data(1000, 1), Place::Within, "a keep-alive");
    // The server's largest window was 2000: nothing older than that is sent again.
    assert_eq!(data(1001u32.wrapping_sub(2001), 1), Place::Within);
    assert_eq!(data(1001u32.wrapping_sub(2001), 0), Place::Outside);
}

#[test]
fn acknowledgments_are_of_what_was_sent() {
    let sides = established([None, None]);
    let ack = |ack| place(&sides, Way::Original, segment(Kind::Ack, 1001, 0, Some(ack), 1000));
    assert_eq!(ack(5001), Place::Within);
    assert_eq!(ack(5002), Place::Outside, "not sent yet");
    assert_eq!(ack(5001u32.wrapping_sub(66_000)), Place::Within);
    assert_eq!(ack(5001u32.wrapping_sub(66_001)), Place::Outside);
}

#[test]
fn windows_are_scaled_if_both_say_so() {
    for (scales, most) in [([Some(2), Some(3)], 2000 << 3), ([Some(2), None], 2000), ([None, Some(3)], 2000)]
    {
        let mut sides = established(scales);
        let window = segment(Kind::Ack, 5001, 0, Some(1001), 2000);
        assert_eq!(follow(&mut sides, Phase::Established, Way::Reply, true, &window), Place::Within);
        let data = |seq| place(&sides, Way::Original, segment(Kind::Ack, seq, 1, Some(5001), 1000));
        assert_eq!(data(1001 + most), Place::Within, "{scales:?}");
        assert_eq!(data(1002 + most), Place::Outside, "{scales:?}");
    }
}

#[test]
fn a_second_grant_has_a_say_of_its_own_about_scales() {
    let syn = Segment { scale: Some(4), ..segment(Kind::Syn, 1000, 0, None, 1000) };
    for (scales, most) in [([None, Some(3)], 1000 << 4), ([Some(3), None], 1000)] {
        let mut sides = [Side::default(); 2];
        assert!(begin(&mut sides, &syn));
        for (phase, seq, scale) in
            [(Phase::SynSent, 5000, scales[0]), (Phase::SynReceived, 900_000, scales[1])]
        {
            let grant = Segment { scale, ..segment(Kind::SynAck, seq, 0, Some(1001), 2000) };
            assert!(is_granted_anew(&sides, &grant));
            assert_eq!(follow(&mut sides, phase, Way::Reply, true, &grant), Place::Within);
            assert!(!is_granted_anew(&sides, &grant), "a copy");
        }
        let ack = segment(Kind::Ack, 1001, 0, Some(900_001), 1000);
        assert_eq!(follow(&mut sides, Phase::SynReceived, Way::Original, true, &ack), Place::Within);
        let data = |seq| place(&sides, Way::Reply, segment(Kind::Ack, seq, 1, Some(1001), 2000));
        assert_eq!((data(900_001 + most), data(900_002 + most)), (Place::Within, Place::Outside));
    }
}

#[test]
fn a_reset_ends_only_where_it_is_believed() {
    let sides = established([None, None]);
    let reset = |seq| place(&sides, Way::Reply, segment(Kind::Rst, seq, 0, None, 0));
    assert_eq!(reset(5001), Place::Exact);
    assert_eq!(reset(5002), Place::Within, "the client will ask");
    assert_eq!(reset(5000), Place::Outside, "that has arrived");
    assert_eq!(reset(6002), Place::Outside, "the client takes 1000 octets");
}

#[test]
fn a_refused_connection_is_refused_by_its_own_number() {
    let mut sides = [Side::default(); 2];
    assert!(begin(&mut sides, &segment(Kind::Syn, 1000, 0, None, 1000)));
    let refusal =
        |ack| follow(&mut sides.clone(), Phase::SynSent, Way::Reply, true, &segment(Kind::Rst, 0, 0, ack, 0));
    assert_eq!(refusal(Some(1001)), Place::Exact);
    assert_eq!(refusal(Some(1000)), Place::Outside);
    assert_eq!(refusal(None), Place::Outside, "RFC 9293 s3.10.7.3");
}

#[test]
fn who_has_lost_a_connection_says_so_at_the_number_that_was_acknowledged() {
    let mut sides = [Side::default(); 2];
    assert!(!begin(&mut sides, &segment(Kind::Ack, 1000, 10, Some(5000), 100)));
    let reset = |seq, ack| {
        let reset = segment(Kind::Rst, seq, 0, ack, 0);
        follow(&mut sides.clone(), Phase::Established, Way::Reply, false, &reset)
    };
    assert_eq!(reset(5000, None), Place::Exact, "RFC 9293 s3.10.7.1");
    assert_eq!((reset(4999, None), reset(5001, None)), (Place::Outside, Place::Outside));
    assert_eq!((reset(0, None), reset(0, Some(1009))), (Place::Outside, Place::Outside));
    assert_eq!(reset(0, Some(1010)), Place::Exact, "it has never had one");
}

#[test]
fn errors_tell_of_what_is_under_way() {
    let mut sides = established([None, None]);
    let data = segment(Kind::Ack, 1001, 500, Some(5001), 1000);
    follow(&mut sides, Phase::Established, Way::Original, true, &data);
    assert!(under_way(&sides, Way::Original, 1001));
    assert!(!under_way(&sides, Way::Original, 1000), "that has arrived");
    assert!(!under_way(&sides, Way::Original, 1502), "that was never sent");
    assert!(!under_way(&sides, Way::Reply, 6000));
}

#[test]
fn what_was_begun_before_is_never_outside() {
    let mut sides = [Side::default(); 2];
    assert!(!begin(&mut sides, &segment(Kind::Ack, 1000, 10, Some(5000), 100)));
    for seq in [1010, 100_000, 1010] {
        let data = segment(Kind::Ack, seq, 10, Some(5000), 100);
        assert_eq!(follow(&mut sides, Phase::Established, Way::Original, false, &data), Place::Within);
    }
    let answer = segment(Kind::Ack, 5000, 3000, Some(1020), 100);
    assert_eq!(follow(&mut sides, Phase::Established, Way::Reply, false, &answer), Place::Within);
    assert_eq!(sides[1].end, 8000);
}

#[test]
fn a_segment_in_pieces_may_be_acknowledged_as_a_whole() {
    let mut sides = established([None, None]);
    let first = segment(Kind::Ack, 1001, 500, Some(5001), 1000);
    assert_eq!(follow(&mut sides, Phase::Established, Way::Original, true, &first), Place::Within);
    let ack = |sides: &[Side; 2], ack| place(sides, Way::Reply, segment(Kind::Ack, 5001, 0, Some(ack), 2000));
    assert_eq!((ack(&sides, 1501), ack(&sides, 1502)), (Place::Within, Place::Outside));
    sides[0].cut();
    assert_eq!(Side::from_octets(&sides[0].octets()), sides[0], "who takes over knows it");
    assert_eq!((ack(&sides, 1501 + 65_535), ack(&sides, 1502 + 65_535)), (Place::Within, Place::Outside));
    // What has come has been sent, and the next segment says how far that goes.
    let whole = segment(Kind::Ack, 5001, 0, Some(2000), 2000);
    assert_eq!(follow(&mut sides, Phase::Established, Way::Reply, true, &whole), Place::Within);
    assert_eq!(sides[0].end, 2000);
    let next = segment(Kind::Ack, 2000, 100, Some(5001), 1000);
    assert_eq!(follow(&mut sides, Phase::Established, Way::Original, true, &next), Place::Within);
    assert_eq!((ack(&sides, 2100), ack(&sides, 2101)), (Place::Within, Place::Outside));
}
