//! The whole way aboard, step by step.

use pki::{Certificate, KeyAlgorithm, Signer};
use proto::{SerialNumber, media_type, well_known};
use proto_brski::pledge::{AwaitVoucher, Imprinted, PvrContent};
use proto_voucher::Nonce;

use super::{Running, Session, Step, Transcript, TrustAnchors, enroll, short, voucher};
use crate::acknowledged::{Acknowledgement, Acknowledgements};
use crate::random::Randomness;
use crate::transport::{Endpoint, Identity, Patience, Request};
use crate::unit::Unit;
use crate::{Error, clock};

/// Whether and how a device renews its LDevID right after it has come aboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reenrollment {
    /// It does not.
    #[default]
    None,
    /// With the same key (RFC 7030 §4.2.2: renew).
    Renew,
    /// With a new key (rekey).
    Rekey,
}

/// How a pledge goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    /// Where the registrar is.
    pub endpoint: &'a Endpoint,
    /// How long it waits.
    pub patience: Patience,
    /// Whether it re-enrolls at the end.
    pub reenrollment: Reenrollment,
    /// Where it writes down what it was given.
    pub acknowledgements: &'a Acknowledgements,
}

/// How it went.
#[derive(Debug)]
pub struct Onboarding {
    /// What was done, and how long it took.
    pub transcript: Transcript,
    /// What the device has at the end.
    pub outcome: Result<Enrolled, Error>,
}

/// What a device has when it is aboard.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Its LDevID.
    pub ldevid: Identity,
    /// Whom it trusts.
    pub anchors: TrustAnchors,
}

/// Runs one attempt.
pub async fn onboard(unit: &Unit, params: Params<'_>, randomness: &mut Randomness) -> Onboarding {
    let mut attempt = Attempt { unit, params, transcript: Transcript::new() };
    let outcome = attempt.run(randomness).await;
    Onboarding { transcript: attempt.transcript, outcome }
}

struct Attempt<'a> {
    unit: &'a Unit,
    params: Params<'a>,
    transcript: Transcript,
}

impl Attempt<'_> {
    async fn run(&mut self, randomness: &mut Randomness) -> Result<Enrolled, Error> {
        let nonce = Nonce::from_random(randomness.nonce()?);
        // RFC 8995 §5.1 to §5.7: who is the registrar, and does the manufacturer say that we are its?
        let mut session = self.connect().await?;
        let (awaiting, voucher) = self.request_voucher(&mut session, nonce).await?;
        let imprinted = self.verify_voucher(&mut session, &awaiting, &voucher).await?;
        self.report_voucher(&mut session).await?;
        // RFC 8995 §5.9: the owner's certificate.
        let anchors = self.ca_certs(&mut session, &imprinted).await?;
        let wanted = self.csr_attrs(&mut session).await?;
        let ldevid = self.enroll(&mut session, &anchors, wanted).await?;
        drop(session);
        let mut session = self.reconnect(&ldevid, &anchors).await?;
        self.report_enrollment(&mut session).await?;
        let ldevid = self.reenroll(&mut session, ldevid, &anchors).await?;
        Ok(Enrolled { ldevid, anchors })
    }

    /// Closes the books on a step.
    fn end<T>(
        &mut self,
        running: &Running,
        result: Result<T, Error>,
        note: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        match &result {
            Ok(value) => self.transcript.succeed(running, note(value)),
            Err(error) => self.transcript.fail(running, error),
        }
        result
    }

    async fn connect(&mut self) -> Result<Session, Error> {
        let mut running = self.transcript.begin(Step::Connect);
        let (endpoint, patience) = (self.params.endpoint, self.params.patience);
        let session = Session::open(endpoint, Some(self.unit.idevid()), patience, &mut running).await;
        self.end(&running, session, |session| {
            let subject = session.registrar().map(Certificate::subject_text).unwrap_or_default();
            format!("provisional TLS with {subject}")
        })
    }

    async fn request_voucher(
        &mut self,
        session: &mut Session,
        nonce: Nonce,
    ) -> Result<(AwaitVoucher, Vec<u8>), Error> {
        let mut running = self.transcript.begin(Step::RequestVoucher);
        let result = self.voucher_from(session, nonce, &mut running).await;
        self.end(&running, result, |(_, voucher)| format!("voucher of {} bytes", voucher.len()))
    }

    async fn voucher_from(
        &self,
        session: &mut Session,
        nonce: Nonce,
        running: &mut Running,
    ) -> Result<(AwaitVoucher, Vec<u8>), Error> {
        let idevid = self.unit.certificate()?;
        let content = PvrContent::honest(idevid, session.registrar()?, nonce, Some(clock::now()))?;
        let awaiting = voucher::signed_request(&content, self.unit.idevid())?;
        let request = voucher::request_voucher(awaiting.request());
        let answer = session.send_until_decided(&request, running).await?;
        if !answer.is_of(media_type::VOUCHER_CMS_JSON) {
            return Err(Error::AnswerMediaType);
        }
        self.params.acknowledgements.note(&Acknowledgement::Voucher {
            serial_number: self.unit.serial_number().clone(),
            request_sha256: pki::digest::sha256(awaiting.request()),
            voucher_sha256: pki::digest::sha256(&answer.body),
        })?;
        Ok((awaiting, answer.body.to_vec()))
    }

    /// Verifies the voucher and the chain of the provisional connection; a failure is reported and ends the attempt.
    async fn verify_voucher(
        &mut self,
        session: &mut Session,
        awaiting: &AwaitVoucher,
        cms: &[u8],
    ) -> Result<Imprinted, Error> {
        let running = self.transcript.begin(Step::VerifyVoucher);
        let chain = session.server_chain();
        let verified = voucher::verify_voucher(self.unit, awaiting, cms, chain, clock::now());
        let verified = self.end(&running, verified, |imprinted| {
            let assertion = imprinted.voucher().voucher().assertion.map_or("", |found| found.name());
            let pinned = imprinted.pinned().certificate().map(Certificate::subject_text);
            format!("assertion {assertion}, pins {}", pinned.as_deref().unwrap_or("a key"))
        });
        if let Err(error) = &verified {
            let mut running = self.transcript.begin(Step::ReportVoucher);
            let report = voucher::report(well_known::VOUCHER_STATUS, Some(error));
            let sent = session.send(&report, &mut running).await;
            drop(self.end(&running, sent, |_| "reported the failure".to_string()));
        }
        verified
    }

    async fn report_voucher(&mut self, session: &mut Session) -> Result<(), Error> {
        let mut running = self.transcript.begin(Step::ReportVoucher);
        // A registrar may answer 404; the pledge does not mind (RFC 8995 §5.7).
        let sent = session.send(&voucher::report(well_known::VOUCHER_STATUS, None), &mut running).await;
        self.end(&running, sent, |_| String::new()).map(|_| ())
    }

    async fn ca_certs(
        &mut self,
        session: &mut Session,
        imprinted: &Imprinted,
    ) -> Result<TrustAnchors, Error> {
        let mut running = self.transcript.begin(Step::CaCerts);
        let request = Request::get(well_known::CA_CERTS, media_type::PKCS7_MIME);
        let answer = session.send_until_decided(&request, &mut running).await;
        let certificates = answer.and_then(|answer| enroll::parse_certificates(&answer));
        let count = certificates.as_ref().map(Vec::len).unwrap_or_default();
        let pinned = imprinted.pinned();
        let anchors =
            certificates.and_then(|certificates| TrustAnchors::new(pinned, certificates, clock::now()));
        self.end(&running, anchors, |_| format!("{count} CA certificates"))
    }

    /// Asks which attributes the request is to have; the kind of its key is what this pledge can choose.
    // RFC8995-5.9.2-csr-attributes
    async fn csr_attrs(&mut self, session: &mut Session) -> Result<KeyAlgorithm, Error> {
        let mut running = self.transcript.begin(Step::CsrAttrs);
        let request = Request::get(well_known::CSR_ATTRS, "application/csrattrs");
        let answer = session.send(&request, &mut running).await;
        let wanted = answer.and_then(|answer| enroll::wanted_key(&answer));
        self.end(&running, wanted, |wanted| format!("a key of {wanted}"))
    }

    /// Enrolls and verifies; a certificate that is not acceptable is reported over the same connection.
    async fn enroll(
        &mut self,
        session: &mut Session,
        anchors: &TrustAnchors,
        wanted: KeyAlgorithm,
    ) -> Result<Identity, Error> {
        let mut running = self.transcript.begin(Step::Enroll);
        let idevid = self.unit.certificate()?;
        let key = Signer::generate(wanted)?;
        let asked = self.certificate_from(session, idevid, Some(key), &mut running).await;
        let (enrollment, issued) =
            self.end(&running, asked, |(enrollment, _)| format!("request {}", short(&enrollment.digest())))?;
        let running = self.transcript.begin(Step::VerifyCertificate);
        let serial_number = self.unit.serial_number();
        let verified = enroll::verify_ldevid(&issued, &enrollment, serial_number, anchors, clock::now());
        let verified = self.end(&running, verified, ldevid_note);
        if let Err(error) = &verified {
            let mut running = self.transcript.begin(Step::ReportEnrollment);
            let report = voucher::report(well_known::ENROLL_STATUS, Some(error));
            let sent = session.send(&report, &mut running).await;
            drop(self.end(&running, sent, |_| "reported the failure".to_string()));
        }
        verified
    }

    async fn certificate_from(
        &self,
        session: &mut Session,
        current: &Certificate,
        key: Option<Signer>,
        running: &mut Running,
    ) -> Result<(enroll::Enrollment, Vec<Certificate>), Error> {
        let is_first = current.public_key() == self.unit.idevid().signer.public_key();
        let path = if is_first { well_known::SIMPLE_ENROLL } else { well_known::SIMPLE_REENROLL };
        let enrollment = enroll::ldevid_request(current, key)?;
        let answer = session.send_until_decided(&enrollment.request(path), running).await?;
        let issued = enroll::parse_certificates(&answer)?;
        acknowledge(self.params.acknowledgements, self.unit.serial_number(), &enrollment, &issued)?;
        Ok((enrollment, issued))
    }

    /// Opens a connection with the LDevID, to the registrar as the explicit trust anchor knows it.
    async fn reconnect(&mut self, ldevid: &Identity, anchors: &TrustAnchors) -> Result<Session, Error> {
        let mut running = self.transcript.begin(Step::Reconnect);
        let (endpoint, patience) = (self.params.endpoint, self.params.patience);
        let session = Session::open(endpoint, Some(ldevid), patience, &mut running).await;
        let session = session.and_then(|session| {
            enroll::verify_server(anchors, session.server_chain(), clock::now())?;
            Ok(session)
        });
        self.end(&running, session, |_| "TLS with the LDevID".to_string())
    }

    async fn report_enrollment(&mut self, session: &mut Session) -> Result<(), Error> {
        let mut running = self.transcript.begin(Step::ReportEnrollment);
        let report = voucher::report(well_known::ENROLL_STATUS, None);
        let sent = session.send(&report, &mut running).await;
        self.end(&running, sent, |_| String::new()).map(|_| ())
    }

    async fn reenroll(
        &mut self,
        session: &mut Session,
        ldevid: Identity,
        anchors: &TrustAnchors,
    ) -> Result<Identity, Error> {
        let key = match self.params.reenrollment {
            Reenrollment::None => return Ok(ldevid),
            Reenrollment::Renew => ldevid.signer.clone(),
            Reenrollment::Rekey => Signer::generate(ldevid.signer.algorithm())?,
        };
        let mut running = self.transcript.begin(Step::Reenroll);
        let current = ldevid.chain.first().ok_or(Error::NotEnrolled)?;
        let asked = self.certificate_from(session, current, Some(key), &mut running).await;
        let serial_number = self.unit.serial_number();
        let verified = asked.and_then(|(enrollment, issued)| {
            enroll::verify_ldevid(&issued, &enrollment, serial_number, anchors, clock::now())
        });
        self.end(&running, verified, ldevid_note)
    }
}

/// Re-enrolls a device that is aboard, over a connection of its own.
///
/// # Errors
/// Those of [`Session`] and [`enroll::verify_ldevid`].
pub async fn reenroll(
    enrolled: &Enrolled,
    serial_number: &SerialNumber,
    params: Params<'_>,
) -> Result<Identity, Error> {
    let mut running = Transcript::new().begin(Step::Reenroll);
    let mut session =
        Session::open(params.endpoint, Some(&enrolled.ldevid), params.patience, &mut running).await?;
    enroll::verify_server(&enrolled.anchors, session.server_chain(), clock::now())?;
    let current = enrolled.ldevid.chain.first().ok_or(Error::NotEnrolled)?;
    let key = Signer::generate(enrolled.ldevid.signer.algorithm())?;
    let enrollment = enroll::ldevid_request(current, Some(key))?;
    let request = enrollment.request(well_known::SIMPLE_REENROLL);
    let answer = session.send_until_decided(&request, &mut running).await?;
    let issued = enroll::parse_certificates(&answer)?;
    acknowledge(params.acknowledgements, serial_number, &enrollment, &issued)?;
    enroll::verify_ldevid(&issued, &enrollment, serial_number, &enrolled.anchors, clock::now())
}

fn acknowledge(
    acknowledgements: &Acknowledgements,
    serial_number: &SerialNumber,
    enrollment: &enroll::Enrollment,
    issued: &[Certificate],
) -> Result<(), Error> {
    issued.iter().try_for_each(|certificate| {
        acknowledgements.note(&Acknowledgement::Certificate {
            serial_number: serial_number.clone(),
            request_sha256: enrollment.digest(),
            certificate_sha256: certificate.fingerprint(),
            certificate_serial: certificate.serial().clone(),
        })
    })
}

fn ldevid_note(ldevid: &Identity) -> String {
    let leaf = ldevid.chain.first();
    leaf.map(|leaf| format!("{} until {}", leaf.subject_text(), leaf.not_after())).unwrap_or_default()
}
