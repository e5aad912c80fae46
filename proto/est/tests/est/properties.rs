//! What must hold for any bytes.

use proptest::prelude::*;
use proto_est::{CsrAttrs, Route, accepts, body, parse_csr};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = body::decode(&bytes);
        let _ = parse_csr(&bytes);
        let _ = parse_csr(body::encode(&bytes).as_bytes());
        let _ = CsrAttrs::from_der(&bytes);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,80}") {
        let _ = text.parse::<Route>();
        let _ = format!("/.well-known/est/{text}").parse::<Route>();
        let _ = accepts(&text, "application/pkcs10");
    }

    #[test]
    fn a_body_reads_back_through_any_line_breaks(
        der in prop::collection::vec(any::<u8>(), 1..400),
        width in 1_usize..100,
        end in prop::sample::select(vec!["\n", "\r\n", " ", "\t\r\n"]),
    ) {
        let text = body::encode(&der);
        let lines: Vec<&str> = text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let broken = lines.join(end) + end;
        prop_assert_eq!(body::decode(broken.as_bytes()).unwrap().0, der);
    }

    #[test]
    fn a_route_that_parses_is_written_as_it_was(path in "/\\.well-known/est/([a-z0-9.~-]{1,8}/)?(cacerts|csrattrs|simpleenroll|x)") {
        if let Ok(route) = path.parse::<Route>() {
            prop_assert_eq!(route.to_string(), path);
        }
    }
}
