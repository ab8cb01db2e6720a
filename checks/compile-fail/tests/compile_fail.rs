//! What must not compile, and what it says.

/// Each case is a small program in `cases/`; beside it, what the compiler says of it.
#[test]
fn g2_what_must_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("cases/right_order.rs");
    cases.compile_fail("cases/wrong_rank.rs");
    cases.compile_fail("cases/cycle.rs");
    cases.compile_fail("cases/outer_token.rs");
    cases.compile_fail("cases/send_under_guard.rs");
    cases.compile_fail("cases/send_with_ranked_token.rs");
    cases.compile_fail("cases/token_to_another_thread.rs");
    cases.compile_fail("cases/forged_token.rs");
    cases.compile_fail("cases/unchecked_root.rs");
    cases.compile_fail("cases/metadata_of_another_type.rs");
}
