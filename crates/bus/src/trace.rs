//! W3C trace context, carried as one `traceparent` string beside each event.

use opentelemetry::propagation::{Extractor, Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

struct Carrier(Option<String>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0.as_deref()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// The current span's context; `None` when nothing is traced.
pub(crate) fn current() -> Option<String> {
    let context = Span::current().context();
    let mut carrier = Carrier(None);
    opentelemetry::global::get_text_map_propagator(|p| p.inject_context(&context, &mut carrier));
    carrier.0
}

/// Makes `span` a child of the trace that the event carries.
pub(crate) fn continue_from(span: &Span, traceparent: Option<&str>) {
    let carrier = Carrier(traceparent.map(str::to_owned));
    let context = opentelemetry::global::get_text_map_propagator(|p| p.extract(&carrier));
    // Fails only where no OpenTelemetry layer is installed: then there is no trace to continue.
    let _ = span.set_parent(context);
}
