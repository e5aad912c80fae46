//! The one place that counts what the API refuses: whole calls, at once or in mid-stream, and single items of a batch.
//!
//! Does not: decide, or turn a refusal into a status (see `status`).
//! Invariants: each refusal is counted once, by the method and the reason that the caller was told.

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use http_body_util::BodyExt;
use proto::{Class, ReasonCode};
use proto_api::{ERROR_CLASS_KEY, v1};
use tonic::Status;
use tonic_types::StatusExt;

use crate::app::Refusal;
use crate::metrics::Metrics;

/// Counts the refusal that an answer is, or ends in.
pub(super) fn watch(metrics: &Metrics, endpoint: &'static str, response: Response) -> Response {
    count(metrics, endpoint, response.headers());
    let metrics = metrics.clone();
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                count(&metrics, endpoint, trailers);
            }
            frame
        }))
    })
}

/// Counts the refusal of one item of many, and writes it.
pub(super) fn item(metrics: &Metrics, endpoint: &'static str, refusal: &Refusal) -> v1::Refusal {
    metrics.refusal(endpoint, refusal.class(), &refusal.code());
    super::convert::refusal(refusal)
}

/// A status without a reason of ours is the transport's own; it is counted with the requests, by its number.
fn count(metrics: &Metrics, endpoint: &'static str, headers: &HeaderMap) {
    let Some(info) = Status::from_header_map(headers).and_then(|status| status.get_details_error_info())
    else {
        return;
    };
    let named = info.metadata.get(ERROR_CLASS_KEY);
    let class = Class::ALL.into_iter().find(|class| named.is_some_and(|name| name == class.name()));
    metrics.refusal(endpoint, class.unwrap_or(Class::Fault), &ReasonCode::from(info.reason));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Error;

    const ENDPOINT: &str = "/onboarding.v1.Test/Method";

    fn line(reason: &str) -> String {
        format!(r#"gangway_refusals_total{{endpoint="{ENDPOINT}",class="unknown",reason="{reason}"}} 1"#)
    }

    #[test]
    fn a_refusal_at_once_is_counted_by_its_reason() {
        let metrics = Metrics::new();
        let answer = Status::from(Refusal::from(Error::CrlMissing)).into_http();
        drop(watch(&metrics, ENDPOINT, answer));
        assert!(metrics.encode().contains(&line("crl-missing")), "{}", metrics.encode());
    }

    #[tokio::test]
    async fn a_refusal_in_mid_stream_is_counted_when_it_comes() {
        let metrics = Metrics::new();
        let mut trailers = HeaderMap::new();
        Status::from(Refusal::from(Error::ProductUnknown)).add_header(&mut trailers).unwrap();
        let body = http_body_util::Full::from("items").with_trailers(std::future::ready(Some(Ok(trailers))));
        let answer = watch(&metrics, ENDPOINT, Response::new(Body::new(body)));
        assert!(!metrics.encode().contains("factory-product-unknown"));
        let read = answer.into_body().collect().await.unwrap();
        assert!(read.trailers().is_some());
        assert!(metrics.encode().contains(&line("factory-product-unknown")), "{}", metrics.encode());
    }

    #[test]
    fn an_answer_that_is_no_refusal_counts_nothing() {
        let metrics = Metrics::new();
        drop(watch(&metrics, ENDPOINT, Response::new(Body::empty())));
        assert!(!metrics.encode().contains("gangway_refusals_total{"));
    }
}
