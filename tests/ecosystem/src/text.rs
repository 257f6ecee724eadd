//! Strings and bytes.

use crate::{Row, case, with};

fn long() -> String {
    "a string that is no short one, with ü".to_owned()
}

/// Base64, by a module of one's own.
pub mod as_base64 {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}

/// What serde_with writes, as a module.
pub mod as_hex {
    use serde::{Deserializer, Serializer};
    use serde_with::{DeserializeAs as _, SerializeAs as _, hex::Hex};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        Hex::<serde_with::formats::Lowercase>::serialize_as(&bytes, to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Hex::<serde_with::formats::Lowercase>::deserialize_as(from)
    }
}

pub fn rows() -> Vec<Row> {
    let mut rows = strings();
    rows.extend(bytes());
    rows
}

fn strings() -> Vec<Row> {
    vec![
        case!(Some("arcstr"), arcstr::ArcStr, ["a".into(), long().into()]),
        case!(Some("camino"), camino::Utf8PathBuf, ["/a b".into()]),
        case!(
            Some("compact_str"),
            compact_str::CompactString,
            ["a".into(), long().into()]
        ),
        case!(Some("ecow"), ecow::EcoString, ["a".into(), long().into()]),
        case!(
            Some("hipstr"),
            hipstr::HipStr<'static>,
            ["a".into(), long().into()]
        ),
        case!(
            Some("kstring"),
            kstring::KString,
            [kstring::KString::from_ref("a"), long().into()]
        ),
        case!(
            Some("smartstring"),
            smartstring::alias::String,
            ["a".into(), long().into()]
        ),
        case!(
            Some("smol_str"),
            smol_str::SmolStr,
            ["a".into(), long().into()]
        ),
        case!(
            Some("tinystr"),
            tinystr::TinyAsciiStr<8>,
            ["abc".parse().unwrap()]
        ),
        case!(
            Some("heapless"),
            heapless::String<8>,
            ["abc".try_into().unwrap()]
        ),
        case!(
            Some("arrayvec"),
            arrayvec::ArrayString<8>,
            ["abc".try_into().unwrap()]
        ),
    ]
}

fn bytes() -> Vec<Row> {
    vec![
        case!(
            None,
            Vec<u8>,
            [vec![0, 255]],
            "as a list; `hex`, `base64` or `serde_with` make a string"
        ),
        with!(
            Some("base64"),
            Vec<u8>,
            as_base64,
            [vec![0, 255], vec![]],
            "a module of ten lines"
        ),
        with!(Some("hex"), Vec<u8>, hex::serde, [vec![0, 255], vec![]]),
        with!(
            Some("serde_with"),
            Vec<u8>,
            as_hex,
            [vec![0, 255], vec![]],
            "or `#[serde_as]` on a struct in the field"
        ),
        with!(Some("serde_bytes"), Vec<u8>, serde_bytes, [vec![0, 255]]),
        case!(
            Some("serde_bytes"),
            serde_bytes::ByteBuf,
            [serde_bytes::ByteBuf::from(vec![0, 255])]
        ),
        case!(Some("bstr"), bstr::BString, ["a".into(), vec![255].into()]),
        case!(
            Some("bytes"),
            bytes::Bytes,
            [bytes::Bytes::from_static(&[0, 255])]
        ),
        case!(
            Some("bytes"),
            bytes::BytesMut,
            [bytes::BytesMut::from(&[0, 255][..])]
        ),
        case!(Some("ecow"), ecow::EcoVec<u8>, [[0, 255].into()]),
        case!(
            Some("hipstr"),
            hipstr::HipByt<'static>,
            [vec![0, 255].into()]
        ),
    ]
}
