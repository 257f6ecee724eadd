//! Numbers, and what consists of some.

use crate::{Row, case};

pub fn rows() -> Vec<Row> {
    let mut rows = exact();
    rows.extend(inexact());
    rows.extend(several());
    rows
}

fn exact() -> Vec<Row> {
    use bigdecimal::BigDecimal;
    use ethnum::U256;
    use num_bigint::{BigInt, BigUint};
    use num_rational::Ratio;
    use rust_decimal::Decimal;

    vec![
        case!(
            Some("rust_decimal"),
            Decimal,
            [
                "1.10".parse().unwrap(),
                "1.1".parse().unwrap(),
                Decimal::MAX
            ],
            |n: &Decimal| n.to_string(),
            "keys that are equal are one entry"
        ),
        case!(
            Some("bigdecimal"),
            BigDecimal,
            [
                "1.10".parse().unwrap(),
                "1e400".parse().unwrap(),
                "1.1".parse().unwrap()
            ],
            |n: &BigDecimal| n.to_string(),
            "keys that are equal are one entry"
        ),
        case!(
            Some("num-bigint"),
            BigInt,
            [BigInt::from(-1_i64 << 40), BigInt::from(u128::MAX) * 8]
        ),
        case!(Some("num-bigint"), BigUint, [BigUint::from(1_u64 << 40)]),
        case!(Some("num-rational"), Ratio<i64>, [Ratio::new(1, -3)]),
        case!(
            Some("fraction"),
            fraction::Fraction,
            [fraction::Fraction::new(1_u64, 3_u64)]
        ),
        case!(Some("ethnum"), U256, [U256::MAX]),
        case!(
            Some("primitive-types"),
            primitive_types::U256,
            [primitive_types::U256::MAX]
        ),
        case!(
            Some("primitive-types"),
            primitive_types::H160,
            [primitive_types::H160::repeat_byte(7)]
        ),
        case!(
            Some("ruint"),
            ruint::aliases::U256,
            [ruint::aliases::U256::MAX]
        ),
        case!(
            Some("fixed"),
            fixed::types::I16F16,
            [fixed::types::I16F16::from_num(-1.5)]
        ),
        case!(
            Some("bytesize"),
            bytesize::ByteSize,
            [bytesize::ByteSize(1_048_576), bytesize::ByteSize(1_234_567)]
        ),
    ]
}

fn inexact() -> Vec<Row> {
    use num_complex::Complex;
    use ordered_float::{NotNan, OrderedFloat};
    use typed_floats::PositiveFinite;
    use uom::si::{f64::Length, length::meter};

    vec![
        case!(
            Some("ordered-float"),
            OrderedFloat<f64>,
            [
                OrderedFloat(0.1),
                OrderedFloat(0.0),
                OrderedFloat(-0.0),
                OrderedFloat(f64::NAN)
            ]
        ),
        case!(
            Some("ordered-float"),
            NotNan<f64>,
            [
                NotNan::new(0.1).unwrap(),
                NotNan::new(f64::INFINITY).unwrap()
            ]
        ),
        case!(
            Some("typed_floats"),
            PositiveFinite<f64>,
            [0.1_f64.try_into().unwrap()]
        ),
        case!(
            Some("half"),
            half::f16,
            [half::f16::from_f32(0.1), half::f16::INFINITY]
        ),
        case!(Some("num-complex"), Complex<f64>, [Complex::new(0.1, -0.0)]),
        case!(Some("uom"), Length, [Length::new::<meter>(0.1)]),
    ]
}

fn several() -> Vec<Row> {
    use geo_types::{Point, Polygon};
    use ndarray::{Array2, array};
    use palette::{Hsl, Srgb};

    let square = || geo_types::Rect::new((0.0, 0.0), (1.0, 1.0)).to_polygon();
    vec![
        case!(Some("glam"), glam::Vec3, [glam::Vec3::new(0.1, 1.0, -0.0)]),
        case!(Some("glam"), glam::Mat4, [glam::Mat4::IDENTITY]),
        case!(
            Some("mint"),
            mint::Vector2<f32>,
            [mint::Vector2 { x: 0.1, y: 1.0 }]
        ),
        case!(
            Some("euclid"),
            euclid::default::Rect<f32>,
            [euclid::rect(0.0, 0.1, 1.0, 2.0)]
        ),
        case!(Some("geo-types"), Point<f64>, [Point::new(0.1, 1.0)]),
        case!(Some("geo-types"), Polygon<f64>, [square()]),
        case!(
            Some("ndarray"),
            Array2<f64>,
            [
                array![[1.0, 0.1], [2.0, 3.0]],
                array![[1.0, 2.0], [3.0, 4.0]].reversed_axes()
            ]
        ),
        case!(Some("rgb"), rgb::Rgba<u8>, [rgb::Rgba::new(1, 2, 3, 4)]),
        case!(Some("palette"), Srgb<f32>, [Srgb::new(0.1, 0.2, 0.3)]),
        case!(Some("palette"), Hsl, [Hsl::new(400.0, 0.5, 0.5)]),
        case!(
            Some("csscolorparser"),
            csscolorparser::Color,
            [
                csscolorparser::Color::from_rgba8(1, 2, 3, 255),
                csscolorparser::Color::new(0.1, 0.2, 0.3, 0.4)
            ]
        ),
    ]
}
