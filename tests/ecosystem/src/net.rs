//! Networks, identifiers and versions.

use crate::{Row, case, no_field, with};

fn headers(second: &[u8]) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for value in [b"a", second] {
        let value = http::HeaderValue::from_bytes(value).unwrap();
        headers.append("accept", value);
    }
    headers
}

pub fn rows() -> Vec<Row> {
    use ipnet::IpNet;
    use language_tags::LanguageTag;
    use ulid::Ulid;
    use uuid::Uuid;

    vec![
        case!(Some("uuid"), Uuid, [Uuid::nil(), Uuid::max()]),
        with!(Some("uuid"), Uuid, uuid::serde::simple, [Uuid::max()]),
        case!(
            Some("ulid"),
            Ulid,
            [Ulid::from(u128::MAX), Ulid::from(1_u128)]
        ),
        case!(
            Some("url"),
            url::Url,
            ["HTTP://ü.example/a b?c#d".parse().unwrap()]
        ),
        case!(
            Some("iri-string"),
            iri_string::types::UriString,
            ["http://a/b%20c".parse().unwrap()]
        ),
        case!(
            Some("email_address"),
            email_address::EmailAddress,
            ["a@b.example".parse().unwrap()]
        ),
        case!(
            Some("ipnet"),
            IpNet,
            ["10.1.2.3/8".parse().unwrap(), "::/0".parse().unwrap()]
        ),
        case!(
            Some("cidr"),
            cidr::IpCidr,
            [
                "10.0.0.0/8".parse().unwrap(),
                "10.0.0.1/32".parse().unwrap()
            ]
        ),
        case!(Some("cidr"), cidr::IpInet, ["10.1.2.3/8".parse().unwrap()]),
        case!(
            Some("macaddr"),
            macaddr::MacAddr6,
            [macaddr::MacAddr6::broadcast()]
        ),
        no_field!(Some("http"), http::Uri, "a module of http-serde"),
        with!(
            Some("http-serde"),
            http::Uri,
            http_serde::uri,
            [
                http::Uri::from_static("http://a/b?c"),
                http::Uri::from_static("*")
            ]
        ),
        with!(
            Some("http-serde"),
            http::Method,
            http_serde::method,
            [http::Method::GET]
        ),
        with!(
            Some("http-serde"),
            http::StatusCode,
            http_serde::status_code,
            [http::StatusCode::NOT_FOUND]
        ),
        with!(
            Some("http-serde"),
            http::HeaderMap,
            http_serde::header_map,
            [headers(b"b"), headers(&[0xff])],
            "values that are not ASCII are left out"
        ),
        no_field!(
            Some("mime"),
            mime::Mime,
            "a `String`, or a newtype that parses one"
        ),
        case!(
            Some("semver"),
            semver::Version,
            ["1.2.3-a.1+b".parse().unwrap()]
        ),
        case!(
            Some("semver"),
            semver::VersionReq,
            [">=1, <2".parse().unwrap()]
        ),
        case!(
            Some("language-tags"),
            LanguageTag,
            ["de-AT".parse().unwrap()]
        ),
        case!(
            Some("unic-langid"),
            unic_langid::LanguageIdentifier,
            ["de-AT".parse().unwrap()]
        ),
    ]
}
