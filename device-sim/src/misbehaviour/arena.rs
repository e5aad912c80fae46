//! Where misbehaviours are staged: a server, fresh units, and what else there is.

use std::time::Duration;

use pki::Certificate;
use proto_brski::pledge::PvrContent;
use proto_voucher::Nonce;

use super::{Got, Need};
use crate::acknowledged::Acknowledgements;
use crate::api::Api;
use crate::maker::Maker;
use crate::pledge::{
    Enrolled, Params, Reenrollment, Running, Session, Step, Transcript, onboard, request_voucher,
    signed_request, verify_voucher,
};
use crate::random::Randomness;
use crate::transport::{Answer, Endpoint, Identity, Patience, Request};
use crate::unit::{Unit, UnitRecord};
use crate::{Error, clock};

/// How long a server may take to close a connection that it must close.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What a voucher-request asks for.
pub(super) const VOUCHER: &str = "a voucher";

/// The code with which a server says that a person has to decide.
const WAITING: &str = "request-waiting";

/// A server and the means to misbehave against it.
#[derive(Debug)]
pub struct Arena {
    /// The registrar.
    pub endpoint: Endpoint,
    /// How long devices wait.
    pub patience: Patience,
    /// Where random bytes come from.
    pub randomness: Randomness,
    units: std::vec::IntoIter<UnitRecord>,
    maker: Option<Maker>,
    operator: Option<Api>,
}

impl Arena {
    /// Opens an arena; `units` are genuine and have not been onboarded, each serves one purpose.
    #[must_use]
    pub fn new(endpoint: Endpoint, patience: Patience, units: Vec<UnitRecord>) -> Self {
        let units = units.into_iter();
        Self { endpoint, patience, randomness: Randomness::System, units, maker: None, operator: None }
    }

    /// Adds the CA of a manufacturer that the server knows.
    #[must_use]
    pub fn with_maker(mut self, maker: Option<Maker>) -> Self {
        self.maker = maker;
        self
    }

    /// Adds an operator's access to the API.
    #[must_use]
    pub fn with_operator(mut self, operator: Option<Api>) -> Self {
        self.operator = operator;
        self
    }

    /// Takes a fresh unit.
    pub(super) fn unit(&mut self) -> Result<Unit, Error> {
        self.units.next().ok_or(Error::CannotStage(Need::Units))?.open()
    }

    pub(super) fn maker(&self) -> Result<&Maker, Error> {
        self.maker.as_ref().ok_or(Error::CannotStage(Need::Maker))
    }

    pub(super) fn operator(&mut self) -> Result<&mut Api, Error> {
        self.operator.as_mut().ok_or(Error::CannotStage(Need::Operator))
    }

    pub(super) fn nonce(&mut self) -> Result<Nonce, Error> {
        Ok(Nonce::from_random(self.randomness.nonce()?))
    }

    /// Connects as `identity`.
    pub(super) async fn session(&self, identity: Option<&Identity>) -> Result<Session, Error> {
        Session::open(&self.endpoint, identity, self.patience, &mut running()).await
    }

    /// Writes the voucher-request that an honest pledge would write.
    pub(super) fn request(&mut self, unit: &Unit, registrar: &Certificate) -> Result<PvrContent, Error> {
        Ok(PvrContent::honest(unit.certificate()?, registrar, self.nonce()?, Some(clock::now()))?)
    }

    /// Onboards a unit honestly.
    pub(super) async fn onboarded(&mut self, unit: &Unit) -> Result<Enrolled, Error> {
        let params = Params {
            endpoint: &self.endpoint,
            patience: self.patience,
            reenrollment: Reenrollment::None,
            acknowledgements: &Acknowledgements::none(),
        };
        onboard(unit, params, &mut self.randomness).await.outcome
    }

    /// Goes an honest pledge's way up to the voucher and returns the connection on which it would enroll.
    pub(super) async fn vouched(&mut self, unit: &Unit) -> Result<Session, Error> {
        let mut session = self.session(Some(unit.idevid())).await?;
        let content = self.request(unit, session.registrar()?)?;
        let awaiting = signed_request(&content, unit.idevid())?;
        let request = request_voucher(awaiting.request());
        let answer = session.send_until_decided(&request, &mut running()).await?;
        let _ = verify_voucher(unit, &awaiting, &answer.body, session.server_chain(), clock::now())?;
        Ok(session)
    }
}

/// Signs a voucher-request and wraps it for the road.
pub(super) fn voucher_request(content: &PvrContent, signer: &Identity) -> Result<Request, Error> {
    Ok(request_voucher(signed_request(content, signer)?.request()))
}

/// A step that nobody times.
pub(super) fn running() -> Running {
    Transcript::new().begin(Step::Connect)
}

/// Sends a wicked request and sees what comes of it. A 202 that waits for a person is an outcome; any other is waited out.
pub(super) async fn outcome(
    session: &mut Session,
    request: &Request,
    what: &'static str,
) -> Result<Got, Error> {
    match session.send(request, &mut running()).await {
        Ok(answer) if answer.status == 202 && answer.refusal().code.as_deref() == Some(WAITING) => {
            return Ok(Got::Held);
        }
        Ok(answer) if [202, 503].contains(&answer.status) => {}
        decided => return got(decided, what),
    }
    got(session.send_until_decided(request, &mut running()).await, what)
}

/// As [`outcome`], and looks whether the server closes the connection.
pub(super) async fn outcome_and_close(
    session: &mut Session,
    request: &Request,
    what: &'static str,
) -> Result<Got, Error> {
    let mut got = outcome(session, request, what).await?;
    if let Got::Refusal { closed, .. } = &mut got {
        *closed = Some(session.closes_within(CLOSE_WITHIN).await);
    }
    Ok(got)
}

/// Sorts an answer; a connection that ends without one counts as hung up.
pub(super) fn got(answer: Result<Answer, Error>, what: &'static str) -> Result<Got, Error> {
    match answer {
        Ok(answer) if answer.status < 300 => Ok(Got::Granted { what }),
        Ok(answer) => Ok(Got::from(&answer.refusal())),
        Err(Error::Refused(refusal)) => Ok(Got::from(&refusal)),
        Err(Error::StillPending) => Ok(Got::Held),
        Err(Error::Http(_) | Error::ConnectionLost) => Ok(Got::HungUp),
        Err(error) => Err(error),
    }
}
