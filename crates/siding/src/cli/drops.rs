//! `siding show drops`.

use std::time::Duration;
use std::time::Instant;

use super::table::Table;
use crate::control::Answer;
use crate::control::Client;
use crate::control::DropRow;
use crate::control::Dropper;
use crate::control::Request;
use crate::rate::rates;

/// Looks twice, so many seconds apart.
pub(super) fn over(client: &mut Client, seconds: f64) -> anyhow::Result<Answer> {
    let (before, begun) = (client.ask(&Request::ShowDrops {})?, Instant::now());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let mut answer = client.ask(&Request::ShowDrops {})?;
    if let (Answer::Drops(rows), Answer::Drops(before)) = (&mut answer, &before) {
        rates(rows, before, begun.elapsed());
    }
    Ok(answer)
}

pub(super) fn table(rows: &[DropRow]) -> String {
    let mut table = Table::new(&["INTERFACE", "BY", "CAUSE", ">PACKETS", ">PER-SECOND"]);
    for row in rows {
        table.row([
            row.account().to_owned(),
            match row.by {
                Dropper::Stack => "stack".into(),
                Dropper::Driver => "driver".into(),
            },
            row.cause.clone(),
            row.count.to_string(),
            row.per_second.map_or_else(|| "-".into(), |rate| format!("{rate:.1}")),
        ]);
    }
    let over = rows.iter().find_map(|row| row.over_s);
    let rates = over.map_or_else(
        || "The first look has no rates: look again, or give `--interval SECONDS`.\n".to_owned(),
        |seconds| format!("Rates over the last {seconds:.1} s.\n"),
    );
    match rows {
        [] => "Nothing was dropped.\n".to_owned(),
        _ => format!("{table}\n{rates}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_by_interface_and_who_dropped_with_rates() {
        let eth0 = DropRow { interface: Some("eth0".into()), count: 7, ..DropRow::stack("tx-lost") };
        let rated = DropRow { per_second: Some(3.5), over_s: Some(2.0), ..eth0.clone() };
        let driver = DropRow { by: Dropper::Driver, cause: "tx-kernel-dropped".into(), ..rated.clone() };
        let gone = DropRow { departed: true, count: 12, ..DropRow::stack("hop-limit") };
        let expected = "\
INTERFACE   BY      CAUSE              PACKETS  PER-SECOND
eth0        stack   tx-lost                  7         3.5
eth0        driver  tx-kernel-dropped        7         3.5
-           stack   no-source                0           -
(departed)  stack   hop-limit               12           -

Rates over the last 2.0 s.
";
        assert_eq!(table(&[rated, driver, DropRow::stack("no-source"), gone]), expected);
        assert!(table(&[eth0]).contains("The first look has no rates"));
        assert_eq!(table(&[]), "Nothing was dropped.\n");
    }
}
