//! Which of the two text formats a scraper wants.

/// A text format of metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The text format 0.0.4 of Prometheus, for whoever does not ask for another.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that an `Accept` header prefers (RFC 9110, 12.5.1). Of several ranges that fit a format the more
    /// precise one counts; of two formats that are equally welcome it is the older one.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let Some(accept) = accept else { return Self::Prometheus };
        let weight = |format: Self| {
            let ranges = accept.split(',').filter_map(|range| format.fit(range));
            ranges.max_by_key(|(precision, _)| *precision).map_or(0.0, |(_, weight)| weight)
        };
        if weight(Self::OpenMetrics) > weight(Self::Prometheus) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The `Content-Type` of an answer in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// How precisely a media range of an `Accept` header means this format, and how welcome it is there.
    fn fit(self, range: &str) -> Option<(u8, f32)> {
        let mut parts = range.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let (own_kind, own_subtype, versions): (_, _, &[&str]) = match self {
            Self::Prometheus => ("text", "plain", &["0.0.4"]),
            Self::OpenMetrics => ("application", "openmetrics-text", &["1.0.0", "0.0.1"]),
        };
        let mut precision = match (kind, subtype) {
            ("*", "*") => 0,
            (kind, "*") if kind.eq_ignore_ascii_case(own_kind) => 1,
            _ if kind.eq_ignore_ascii_case(own_kind) && subtype.eq_ignore_ascii_case(own_subtype) => 2,
            _ => return None,
        };
        let mut weight = 1.0;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" | "Q" => weight = value.parse().unwrap_or(0.0),
                "version" if versions.contains(&value) => precision = 3,
                "version" => return None,
                _ => {}
            }
        }
        Some((precision, weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prefers_openmetrics_gets_it_and_all_others_the_older_text() {
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                               text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, expected) in [
            (Some(prometheus_2_42), Format::OpenMetrics),
            (Some("application/openmetrics-text; version=1.0.0; charset=utf-8"), Format::OpenMetrics),
            (Some("text/plain;q=0.5, application/openmetrics-text;q=0.6"), Format::OpenMetrics),
            (Some("text/plain;q=0.6, application/openmetrics-text;q=0.5"), Format::Prometheus),
            (Some("application/openmetrics-text;q=0, */*"), Format::Prometheus),
            (Some("application/openmetrics-text;version=2.0.0,text/plain;q=0.1"), Format::Prometheus),
            (Some("text/html,*/*;q=0.8"), Format::Prometheus),
            (Some("*/*"), Format::Prometheus),
            (Some(""), Format::Prometheus),
            (Some("; = ,/,;;q="), Format::Prometheus),
            (None, Format::Prometheus),
        ] {
            assert_eq!(Format::negotiate(accept), expected, "{accept:?}");
        }
    }
}
