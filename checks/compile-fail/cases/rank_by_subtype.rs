//! Two ranks, of which one is a subtype of the other: a token of the deep one is used as one of the shallow one, and
//! a lock of the deep one as one of the shallow one.
#![allow(coherence_leak_check)]

use std::marker::PhantomData;

use siding_lockorder::{Ctx, Mutex, Rank, Unlocked};

struct Place<T>(PhantomData<T>);

type Deep = Place<for<'a> fn(&'a ())>;
type Shallow = Place<fn(&'static ())>;

impl Rank for Shallow {
    const NAME: &'static str = "Shallow";
    type Outer = Unlocked;
}

impl Rank for Deep {
    const NAME: &'static str = "Deep";
    type Outer = Shallow;
}

fn rise<'c>(ctx: Ctx<'c, Deep>) -> Ctx<'c, Shallow> {
    ctx
}

fn sink<'c>(ctx: Ctx<'c, Shallow>) -> Ctx<'c, Deep> {
    ctx
}

fn lift(lock: &Mutex<Deep, ()>) -> &Mutex<Shallow, ()> {
    lock
}

fn lower(lock: &Mutex<Shallow, ()>) -> &Mutex<Deep, ()> {
    lock
}

fn main() {}
