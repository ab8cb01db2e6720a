//! Lists the interfaces of a running siding, with what its rules and routes make of them: three tables, asked for at once.
//!
//! ```console
//! # cargo run -p siding-client --example interfaces [SOCKET]
//! ```

use siding_client::Answer;
use siding_client::Client;
use siding_client::OnError;
use siding_client::Request;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map_or_else(siding_client::default_path, Into::into);
    let mut client = Client::connect(&path)?;
    client.set_patience(Some(std::time::Duration::from_secs(10)));
    let hello = client.hello()?;
    println!("siding {}, protocol {}", hello.siding, hello.version);
    let requests = vec![Request::ShowInterfaces {}, Request::ShowRoutes {}];
    for answer in client.batch(requests, OnError::GoOn)? {
        match answer {
            Ok(Answer::Interfaces(rows)) => {
                rows.iter()
                    .for_each(|row| println!("{}: {} {}", row.name, row.state, row.addresses.join(" ")));
            }
            Ok(Answer::Routes(rows)) => println!("{} routes", rows.len()),
            Ok(_) => println!("something else"),
            // For programs there is a code, which stays what it is.
            Err(failure) => println!("{}: {failure}", failure.code),
        }
    }
    Ok(())
}
