//! A table that goes as a whole.

use std::net::Ipv6Addr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_wire::Mac;

use super::*;
use crate::nd6::nud::NudConfig;
use crate::nd6::nud::Refused;

const NOW: Instant = Instant::from_nanos(1);

fn with_ctx<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().expect("no other token on this thread");
    work(&mut entered.ctx())
}

fn table(all: &Arc<Use>) -> Neighbors {
    Neighbors::new(IfId::NONE, NeighborTotals::for_pool(1 << 20), all.clone(), (1, 2))
}

fn make(ctx: &mut Ctx<'_, Unlocked>, table: &Neighbors, number: u16, newcomer: Newcomer) -> Arc<Lle> {
    let addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into();
    let terms = Terms { now: NOW, limits: &NeighborLimits::default(), newcomer };
    let nud = || match newcomer {
        Newcomer::Learned => Nud::new_learned(Mac([2, 0, 0, 0, 0, 1]), false),
        Newcomer::Fixed => Nud::new_static(Mac([2, 0, 0, 0, 0, 1])),
        Newcomer::Resolving { .. } => {
            Nud::new_for_packet(NOW, &NudConfig::default(), |_| Ok::<(), Refused>(()))
        }
    };
    table.find_or_insert(ctx, addr, terms, |_| Ok(nud())).expect("room").lle
}

fn hold(ctx: &mut Ctx<'_, Unlocked>, lle: &Arc<Lle>, packet: Mbuf) -> bool {
    let (mut entry, mut ctx) = ctx.lock(&lle.entry);
    let may = lle.may_hold(&mut ctx, &mut entry);
    if may {
        assert!(entry.hold.push(packet).is_none());
    }
    lle.publish(&mut ctx, NOW, &mut entry);
    may
}

fn levels(used: &Use) -> [usize; 5] {
    [&used.known, &used.claimed, &used.resolving, &used.forwarded, &used.held].map(|level| level.now())
}

const OTHERS: Newcomer = Newcomer::Resolving { forwarded: true };

#[test]
fn g5_a_table_goes_as_a_whole_and_waits_for_no_entry_that_holds_nothing() {
    with_ctx(|ctx| {
        let all = Arc::default();
        let (goes, stays) = (table(&all), table(&all));
        for number in 0..1000 {
            make(ctx, &goes, number, if number % 4 == 0 { OTHERS } else { Newcomer::Learned });
        }
        make(ctx, &goes, 1000, Newcomer::Fixed);
        (0..3).for_each(|number| _ = make(ctx, &stays, number, Newcomer::Learned));
        make(ctx, &stays, 3, OTHERS);
        assert_eq!(levels(&all), [753, 753, 251, 251, 0]);
        // Somebody works on one of them, and is not done until the table is.
        let at_work = make(ctx, &goes, 1, Newcomer::Learned);
        let (says, hears) = (mpsc::channel(), mpsc::channel());
        let works = thread::spawn(move || {
            with_ctx(|ctx| {
                let (mut entry, mut ctx) = ctx.lock(&at_work.entry);
                says.0.send(()).expect("heard");
                let in_time = hears.1.recv_timeout(Duration::from_secs(10)).is_ok();
                entry.nud.confirm(NOW, &NudConfig::default());
                at_work.publish(&mut ctx, NOW, &mut entry);
                (in_time, entry.dead, at_work.direct())
            })
        });
        says.1.recv().expect("it works");
        let mut remains = Remains::default();
        assert!(goes.close(ctx, NOW, &mut remains).is_empty());
        assert_eq!(levels(&all), [3, 3, 1, 1, 0], "at once");
        assert_eq!((goes.len(ctx), stays.len(ctx)), (0, 4));
        hears.0.send(()).expect("it waits");
        assert_eq!(works.join().expect("no panic"), (true, true, None), "in time, dead, and not to be used");
        assert_eq!(levels(&all), [3, 3, 1, 1, 0], "what is done with one afterwards counts nowhere");
        remains.give_back();
        let terms = Terms { now: NOW, limits: &NeighborLimits::default(), newcomer: Newcomer::Fixed };
        let again =
            goes.find_or_insert(ctx, Ipv6Addr::LOCALHOST.into(), terms, |_| Ok(Nud::new_static(Mac::ZERO)));
        assert_eq!(again.map(|_| ()), Err(NoRoom::Closed));
    });
}

#[test]
fn g5_all_that_is_held_is_given_back_and_nothing_is_held_behind_it() {
    with_ctx(|ctx| {
        let pool = Pool::new(PoolConfig { buffers: 64, ..PoolConfig::default() }).expect("sizes in range");
        let mut cache = pool.cache(0);
        let mut packet = || cache.alloc().expect("a free buffer");
        let all = Arc::default();
        let table = table(&all);
        let entries: Vec<_> = (0..8).map(|number| make(ctx, &table, number, OTHERS)).collect();
        // Some hold, and hold no more; then others do.
        for lle in &entries[..4] {
            assert!(hold(ctx, lle, packet()) && hold(ctx, lle, packet()));
        }
        for lle in &entries[1..3] {
            let (mut entry, mut ctx) = ctx.lock(&lle.entry);
            entry.hold.drain().for_each(drop);
            lle.publish(&mut ctx, NOW, &mut entry);
        }
        assert!(hold(ctx, &entries[2], packet()) && hold(ctx, &entries[5], packet()));
        assert!(hold(ctx, &entries[5], packet()) && hold(ctx, &entries[7], packet()));
        assert_eq!((pool.live(), levels(&all)), (8, [0, 0, 8, 8, 3]));
        // One that a flush of the operator's has just taken off the list.
        table.remove(ctx, &entries[5]);
        let held = table.close(ctx, NOW, &mut Remains::default());
        assert_eq!((held.len(), levels(&all)), (8, [0; 5]));
        assert!(entries.iter().all(|lle| ctx.lock(&lle.entry).0.hold.is_empty()));
        drop(held);
        assert_eq!(pool.live(), 0);
        for lle in &entries {
            assert!(!hold(ctx, lle, packet()), "its interface has been visited for such");
            assert!(ctx.lock(&lle.entry).0.dead);
        }
        assert_eq!((pool.live(), levels(&all)), (0, [0; 5]));
    });
}
