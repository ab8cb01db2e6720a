//! What must compile: ranks that are declared without the macro, one of them for many types; and guards that others
//! may look at.

use std::marker::PhantomData;

use siding_lockorder::{After, Direct, Level, Mutex, Rank, Root, Unlocked, rank};

rank!(Table after Unlocked);

struct Within<T>(PhantomData<T>);

impl<T: Level> Rank for Within<T> {
    const NAME: &'static str = "Within";
    type Outer = T;
}

impl<T: Level> After<T> for Within<T> {
    type By = Direct;
}

fn main() {
    let table = Mutex::<Table, _>::new(1);
    let entry = Mutex::<Within<Table>, _>::new(2);
    let part = Mutex::<Within<Within<Table>>, _>::new(3);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (one, mut ctx) = ctx.lock(&table);
    let (two, mut ctx) = ctx.lock(&entry);
    let (three, _ctx) = ctx.lock(&part);
    let shared = (&one, &two, &three);
    let sum = std::thread::scope(|scope| {
        let (one, two, three) = shared;
        scope.spawn(move || **one + **two + **three).join().unwrap()
    });
    assert_eq!(sum, 6);
}
