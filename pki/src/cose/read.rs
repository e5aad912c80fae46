//! Reads a COSE_Sign1, place by place.
//! Source: RFC 9052 §2, §3, §3.1, §4.2; RFC 9360 §2.
//! Does not: check the signature; read what x5bag and x5chain hold before it is asked for, because a registrar must
//! ignore them in a pledge's request (CBRSKI §9.2.2).
//! Invariants: all of the input is accounted for; every place lies in the input.

use std::ops::Range;
use std::sync::OnceLock;

use proto::cbor::{self, Item, Value};

use super::algorithm::Algorithm;
use super::{CERTIFICATES_MAX, COSE_BYTES_MAX, CoseSign1, HEADER_PARAMETERS_MAX, LIMITS, TAG_SIGN1, label};
use crate::Error;
use crate::place::place;

type Parameters<'a> = Vec<(Item<'a>, Item<'a>)>;

pub(super) fn sign1(octets: Vec<u8>) -> Result<CoseSign1, Error> {
    if octets.len() > COSE_BYTES_MAX {
        return Err(Error::CoseTooLarge);
    }
    let document = cbor::parse(&octets, LIMITS).map_err(|_| Error::CoseMalformed)?;
    // RFC9052-2-tagged-or-not
    let (is_tagged, document) = match document.untag(TAG_SIGN1) {
        Ok(inner) => (true, inner),
        Err(document) => (false, document),
    };
    let fields = document.into_array().ok_or(Error::CoseMalformed)?;
    let [protected, unprotected, payload, signature] =
        <[Item<'_>; 4]>::try_from(fields).map_err(|_| Error::CoseMalformed)?;
    let protected = protected.as_bytes().ok_or(Error::CoseMalformed)?;
    let headers = Headers::read(protected, unprotected)?;
    if payload.value == Value::Null {
        return Err(Error::CosePayloadMissing);
    }
    let payload = payload.as_bytes().ok_or(Error::CoseMalformed)?;
    let signature = signature.as_bytes().ok_or(Error::CoseMalformed)?;
    let place = |part: &[u8]| place(&octets, part).ok_or(Error::CoseMalformed);
    // CBRSKI-9.2.2-ignore-bags: what is in them is not looked at, so it cannot make a request fail.
    let bags = headers.bags().map(|bag| place(bag.octets)).collect::<Result<_, _>>()?;
    let (protected, payload, signature) = (place(protected)?, place(payload)?, place(signature)?);
    let other_unprotected = headers.other_unprotected(&octets)?;
    let (algorithm, has_unprotected_bag) = (headers.algorithm, headers.unprotected.iter().any(is_bag));
    Ok(CoseSign1 {
        is_tagged,
        protected,
        algorithm,
        payload,
        signature,
        bags,
        other_unprotected,
        has_unprotected_bag,
        signed_by: OnceLock::new(),
        octets,
    })
}

/// Both headers.
struct Headers<'a> {
    algorithm: Algorithm,
    protected: Parameters<'a>,
    unprotected: Parameters<'a>,
}

impl<'a> Headers<'a> {
    fn read(protected: &'a [u8], unprotected: Item<'a>) -> Result<Self, Error> {
        // RFC9052-3-protected-algorithm: an empty protected header, or one without alg, leaves the choice to a forger.
        if protected.is_empty() {
            return Err(Error::CoseAlgorithmMissing);
        }
        let protected = cbor::parse(protected, LIMITS).map_err(|_| Error::CoseMalformed)?;
        let (protected, unprotected) = (parameters(protected)?, parameters(unprotected)?);
        let algorithm = find(&protected, label::ALGORITHM).ok_or(Error::CoseAlgorithmMissing)?;
        let algorithm = algorithm.as_integer().and_then(Algorithm::from_number);
        let algorithm = algorithm.ok_or(Error::CoseAlgorithmUnsupported)?;
        let headers = Self { algorithm, protected, unprotected };
        headers.check_labels()?;
        headers.check_critical()?;
        Ok(headers)
    }

    /// A label stands in one of the headers; certificates may be in both, for the pledge and for the registrar
    /// (CBRSKI §9.2.3), and `crit` must be protected.
    // RFC9052-3-labels-once
    fn check_labels(&self) -> Result<(), Error> {
        let is_twice = |parameter: &&(Item<'a>, Item<'a>)| {
            !is_bag(parameter) && self.protected.iter().any(|(label, _)| *label == parameter.0)
        };
        let has_twice = self.unprotected.iter().any(|parameter| is_twice(&parameter));
        let has_critical = find(&self.unprotected, label::CRITICAL).is_some();
        if has_twice || has_critical { Err(Error::CoseHeaderInvalid) } else { Ok(()) }
    }

    /// Whoever signs may list parameters that must be understood; ours are few.
    // RFC9052-3.1-critical
    fn check_critical(&self) -> Result<(), Error> {
        let Some(critical) = find(&self.protected, label::CRITICAL) else { return Ok(()) };
        let Value::Array(labels) = &critical.value else { return Err(Error::CoseHeaderInvalid) };
        if labels.is_empty() {
            return Err(Error::CoseHeaderInvalid);
        }
        let known = [label::ALGORITHM, label::CRITICAL, label::X5BAG, label::X5CHAIN];
        let is_known = |item: &Item<'_>| item.as_integer().is_some_and(|label| known.contains(&label));
        if labels.iter().all(is_known) { Ok(()) } else { Err(Error::CoseCriticalUnknown) }
    }

    fn bags(&self) -> impl Iterator<Item = &Item<'a>> {
        self.protected
            .iter()
            .chain(&self.unprotected)
            .filter(|parameter| is_bag(parameter))
            .map(|(_, bag)| bag)
    }

    fn other_unprotected(&self, octets: &[u8]) -> Result<Vec<Range<usize>>, Error> {
        let whole = |(label, value): &(Item<'a>, Item<'a>)| {
            let (label, value) = (place(octets, label.octets)?, place(octets, value.octets)?);
            Some(label.start..value.end)
        };
        let others = self.unprotected.iter().filter(|parameter| !is_bag(parameter));
        others.map(|parameter| whole(parameter).ok_or(Error::CoseMalformed)).collect()
    }
}

fn parameters(header: Item<'_>) -> Result<Parameters<'_>, Error> {
    let parameters = header.into_map().ok_or(Error::CoseMalformed)?;
    let is_label = |label: &Item<'_>| label.as_integer().is_some() || label.as_text().is_some();
    if parameters.len() > HEADER_PARAMETERS_MAX || !parameters.iter().all(|(label, _)| is_label(label)) {
        return Err(Error::CoseHeaderInvalid);
    }
    Ok(parameters)
}

fn find<'b, 'a>(parameters: &'b Parameters<'a>, label: i64) -> Option<&'b Item<'a>> {
    parameters.iter().find(|(found, _)| found.as_integer() == Some(label)).map(|(_, value)| value)
}

fn is_bag((label, _): &(Item<'_>, Item<'_>)) -> bool {
    matches!(label.as_integer(), Some(label::X5BAG | label::X5CHAIN))
}

/// Reads the certificates of an x5bag or x5chain: one byte string, or an array of them. RFC 9360 wants an array only for
/// two and more; the draft's own voucher has an array of one.
// RFC9360-2-one-or-array
pub(super) fn certificates(bag: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let bag = cbor::parse(bag, LIMITS).map_err(|_| Error::CoseMalformed)?;
    if let Some(der) = bag.as_bytes() {
        return Ok(vec![der]);
    }
    let items = bag.into_array().filter(|items| !items.is_empty()).ok_or(Error::CoseHeaderInvalid)?;
    if items.len() > CERTIFICATES_MAX {
        return Err(Error::CoseTooManyCertificates);
    }
    items.iter().map(|item| item.as_bytes().ok_or(Error::CoseHeaderInvalid)).collect()
}
