//! The channel to the lab: its orders come over standard input, acknowledgements and the port go to
//! standard output. Both are lines of JSON.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::fault::HubFault;

/// Longest line of an order, in bytes; a longer one ends the channel.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Orders that wait for the hub; more wait in the pipe.
const ORDERS_MAX: usize = 16;

/// What the lab says: the full set of faults.
#[derive(Deserialize, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub faults: BTreeSet<HubFault>,
}

/// What the hub says.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word<'a> {
    /// It listens.
    Ready { port: u16 },
    /// These faults are in force.
    Faults(&'a BTreeSet<HubFault>),
    /// The last line was no order.
    Error(String),
}

/// The orders as they come; the channel ends with the input. A thread reads them, because a read of
/// standard input cannot be given up; it ends with the process.
pub(crate) fn orders() -> io::Result<mpsc::Receiver<Result<Order, String>>> {
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    std::thread::Builder::new().name("control".to_owned()).spawn(move || read(io::stdin().lock(), &sender))?;
    Ok(orders)
}

fn read(mut input: impl BufRead, sender: &mpsc::Sender<Result<Order, String>>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let ended = read.is_err() || line.last() != Some(&b'\n');
        if !line.trim_ascii().is_empty() {
            let order = serde_json::from_slice(&line).map_err(|error| error.to_string());
            if sender.blocking_send(order).is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}

/// Says a word.
pub(crate) fn say(word: &Word<'_>) -> io::Result<()> {
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, word)?;
    output.write_all(b"\n")?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(input: &str) -> Vec<Result<Order, String>> {
        let (sender, mut orders) = mpsc::channel(ORDERS_MAX);
        read(input.as_bytes(), &sender);
        drop(sender);
        std::iter::from_fn(|| orders.blocking_recv()).collect()
    }

    #[test]
    fn orders_are_whole_sets_of_faults() {
        let heard = heard("{\"faults\":[\"api-slow\",\"port-lost\"]}\n\n{\"faults\":[]}\n{\"faults\":[\"nonsense\"]}\n");
        assert_eq!(heard[0], Ok(Order { faults: [HubFault::ApiSlow, HubFault::PortLost].into() }));
        assert_eq!(heard[1], Ok(Order { faults: BTreeSet::new() }));
        assert!(heard[2].as_ref().unwrap_err().contains("nonsense"));
        assert_eq!(heard.len(), 3);
    }

    #[test]
    fn an_endless_line_ends_the_channel() {
        assert_eq!(heard(&"x".repeat(1 << 20)).len(), 1);
    }

    #[test]
    fn words_have_the_form_that_the_lab_reads() {
        let text = |word: &Word<'_>| serde_json::to_string(word).unwrap();
        assert_eq!(text(&Word::Ready { port: 7001 }), "{\"ready\":{\"port\":7001}}");
        assert_eq!(text(&Word::Faults(&[HubFault::ApiSlow].into())), "{\"faults\":[\"api-slow\"]}");
    }
}
