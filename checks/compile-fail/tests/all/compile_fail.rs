//! What must not compile, and what it says.

/// Each case is a small program in `cases/`; beside it, what the compiler says of it.
#[test]
fn g2_what_must_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("cases/right_order.rs");
    cases.pass("cases/right_order_rw.rs");
    cases.pass("cases/ranks_by_hand.rs");
    cases.compile_fail("cases/wrong_rank.rs");
    cases.compile_fail("cases/cycle.rs");
    cases.compile_fail("cases/cycle_by_hand.rs");
    cases.compile_fail("cases/after_by_hand.rs");
    cases.compile_fail("cases/after_anything.rs");
    cases.compile_fail("cases/evidence_by_hand.rs");
    cases.compile_fail("cases/level_by_hand.rs");
    cases.compile_fail("cases/lock_of_unlocked.rs");
    cases.compile_fail("cases/rank_of_unlocked.rs");
    cases.compile_fail("cases/rank_by_subtype.rs");
    cases.compile_fail("cases/outer_token.rs");
    cases.compile_fail("cases/send_under_guard.rs");
    cases.compile_fail("cases/send_with_ranked_token.rs");
    cases.compile_fail("cases/token_to_another_thread.rs");
    cases.compile_fail("cases/forged_token.rs");
    cases.compile_fail("cases/unchecked_root.rs");
    cases.compile_fail("cases/forged_seat.rs");
    cases.compile_fail("cases/root_of_a_seat.rs");
    cases.compile_fail("cases/unchecked_seat.rs");
    cases.compile_fail("cases/guard_to_another_thread.rs");
    cases.compile_fail("cases/guard_shared.rs");
    cases.compile_fail("cases/spin_guard_shared.rs");
    cases.compile_fail("cases/spin_guard_sent.rs");
    cases.compile_fail("cases/held_to_another_thread.rs");
    cases.compile_fail("cases/read_wrong_rank.rs");
    cases.compile_fail("cases/write_under_read.rs");
    cases.compile_fail("cases/try_wrong_rank.rs");
    cases.compile_fail("cases/send_under_tried.rs");
    cases.compile_fail("cases/send_with_tried_token.rs");
    cases.compile_fail("cases/send_under_read.rs");
    cases.compile_fail("cases/rw_guard_to_another_thread.rs");
    cases.compile_fail("cases/rw_shared_cell.rs");
    cases.compile_fail("cases/metadata_of_another_type.rs");
}
