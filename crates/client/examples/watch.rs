//! Tells when an interface or an address of a running siding changes; ends with the daemon.
//!
//! ```console
//! # cargo run -p siding-client --example watch [SOCKET]
//! ```

use siding_client::Client;
use siding_client::EventKind;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map_or_else(siding_client::default_path, Into::into);
    // `Lost` says how many there would have been, had this program been quicker.
    let kinds = [EventKind::Interface, EventKind::Address, EventKind::Lost];
    for event in Client::connect(&path)?.subscribe(&kinds)? {
        let event = event?;
        println!("{} {}: {}", event.at_ms, event.interface.as_deref().unwrap_or("-"), event.text);
    }
    Ok(())
}
