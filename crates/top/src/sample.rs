//! What the daemon says of itself at one moment.

use std::time::Duration;

use siding_client::Answer;
use siding_client::Client;
use siding_client::ClientError;
use siding_client::DropRow;
use siding_client::InterfaceRow;
use siding_client::LaggRequest;
use siding_client::LaggRow;
use siding_client::NeighborRow;
use siding_client::OnError;
use siding_client::PerformanceRow;
use siding_client::Request;
use siding_client::TypeRow;
use siding_client::WorkerRow;

/// All its reports that are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// When, on a clock that only goes forward.
    pub at: Duration,
    /// Interfaces, with what they count.
    pub interfaces: Vec<InterfaceRow>,
    /// Where workers are, and whether they sleep.
    pub workers: Vec<WorkerRow>,
    /// How full their turns are.
    pub performance: Vec<PerformanceRow>,
    /// Deferred packets.
    pub queues: Vec<TypeRow>,
    /// What was dropped.
    pub drops: Vec<DropRow>,
    /// Laggs, with their members.
    pub laggs: Vec<LaggRow>,
    /// Neighbours; `None` if they were not asked for.
    pub neighbors: Option<Vec<NeighborRow>>,
}

impl Sample {
    /// Asks for all of it at once. Neighbours may be a hundred thousand, and are asked for only while somebody looks at them.
    ///
    /// # Errors
    ///
    /// The daemon says no, or has gone.
    pub fn take(client: &mut Client, neighbors: bool, at: Duration) -> Result<Sample, ClientError> {
        let mut requests = vec![
            Request::ShowInterfaces {},
            Request::ShowWorkers {},
            Request::ShowPerformance {},
            Request::ShowNetisr {},
            Request::ShowDrops {},
            Request::Lagg(LaggRequest::Show {}),
        ];
        if neighbors {
            requests.push(Request::ShowNeighbors {});
        }
        let answers = client.batch(requests, OnError::Stop)?;
        Ok(Sample::of(answers.into_iter().collect::<Result<Vec<Answer>, _>>()?, at))
    }

    /// From answers, as they came.
    pub fn of(answers: impl IntoIterator<Item = Answer>, at: Duration) -> Sample {
        let mut sample = Sample { at, ..Sample::default() };
        for answer in answers {
            match answer {
                Answer::Interfaces(rows) => sample.interfaces = rows,
                Answer::Workers(rows) => sample.workers = rows,
                Answer::Performance(rows) => sample.performance = rows,
                Answer::Netisr(rows) => sample.queues = rows,
                Answer::Drops(rows) => sample.drops = rows,
                Answer::Laggs(rows) => sample.laggs = rows,
                Answer::Neighbors(rows) => sample.neighbors = Some(rows),
                _ => {}
            }
        }
        sample
    }
}
