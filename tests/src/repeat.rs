//! Facts that come again.

use async_nats::jetstream::message::PublishMessage;

use crate::platform::Platform;

/// Publishes each event so far once more, and waits until all were heard.
///
/// # Panics
/// If the stream can't be read.
pub async fn say_again(platform: &Platform, times: &str) {
    let nats = platform.nats().await;
    let stream = nats.get_stream("EVENTS").await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let mut said = std::collections::HashSet::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        if !said.insert(message.payload.clone()) {
            continue;
        }
        let again = PublishMessage::build()
            .headers(message.headers.clone())
            .message_id(format!("{times}-{sequence}"))
            .payload(message.payload.clone());
        nats.send_publish(message.subject.to_string(), again).await.unwrap().await.unwrap();
    }
    platform.settle().await;
    assert!(nats.get_stream("EVENTS").await.unwrap().cached_info().state.last_sequence > last);
}
