//! `AuthorityService`: whom this server trusts, what it signs with, and its revocation list.
//!
//! Source: `proto/api/onboarding/v1/authority.proto`.

use std::sync::Arc;

use pki::{Certificate, Crl};
use proto_api::v1::AuthorityKind as Kind;
use proto_api::v1::authority_service_server::AuthorityService;
use proto_api::{timestamp, v1};
use server_config::VoucherPolicy;
use tonic::{Request, Response, Status};

use super::convert::{known, summary};
use crate::app::{Error, Refusal, owner, publish_crl};
use crate::context::Context;

/// The service over one context.
#[derive(Clone, Debug)]
pub(super) struct Authorities {
    context: Arc<Context>,
}

impl Authorities {
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    fn all(&self) -> Vec<v1::Authority> {
        let mut all = Vec::new();
        if let Some(owner) = &self.context.owner {
            let path = owner.ca_path.iter().zip([Kind::DomainIssuing, Kind::DomainRoot]);
            all.extend(path.map(|(ca, kind)| authority(ca, kind, "", kind == Kind::DomainIssuing)));
            all.extend(owner.registrar.chain.first().map(|own| authority(own, Kind::Registrar, "", true)));
            for maker in owner.manufacturers.iter() {
                let kinds =
                    [(&maker.anchors, Kind::IdevidAnchor), (&maker.voucher_anchors, Kind::VoucherAnchor)];
                for (anchors, kind) in kinds {
                    all.extend(
                        anchors.certificates().iter().map(|ca| authority(ca, kind, maker.id.as_str(), false)),
                    );
                }
            }
        }
        if let Some(maker) = &self.context.maker {
            let id = maker.settings.id.as_str();
            let path = maker.ca_chain.iter().zip([Kind::ManufacturerIssuing, Kind::ManufacturerRoot]);
            all.extend(path.map(|(ca, kind)| authority(ca, kind, id, kind == Kind::ManufacturerIssuing)));
            all.extend(maker.voucher.chain.first().map(|own| authority(own, Kind::MasaSigner, id, true)));
        }
        all
    }
}

fn authority(certificate: &Certificate, kind: Kind, manufacturer: &str, is_signer: bool) -> v1::Authority {
    v1::Authority {
        name: certificate.subject_common_name().unwrap_or_default().to_owned(),
        kind: kind.into(),
        manufacturer: manufacturer.to_owned(),
        summary: Some(summary(certificate)),
        certificate: certificate.der().to_vec(),
        is_signer,
    }
}

#[tonic::async_trait]
impl AuthorityService for Authorities {
    async fn list_authorities(
        &self,
        request: Request<v1::ListAuthoritiesRequest>,
    ) -> Result<Response<v1::ListAuthoritiesResponse>, Status> {
        let wanted: Kind = known(request.into_inner().kind)?;
        let mut authorities = self.all();
        authorities.retain(|authority| wanted == Kind::Unspecified || authority.kind() == wanted);
        Ok(Response::new(v1::ListAuthoritiesResponse { authorities }))
    }

    async fn get_crl(
        &self,
        request: Request<v1::GetCrlRequest>,
    ) -> Result<Response<v1::GetCrlResponse>, Status> {
        let owner = owner(&self.context)?;
        let wanted = request.into_inner().authority;
        let name = owner.issuer.certificate().subject_common_name().unwrap_or_default();
        if !wanted.is_empty() && wanted != name {
            return Err(Refusal::from(Error::CrlMissing).into());
        }
        let crl = publish_crl::current_crl(&self.context).await?;
        let parsed = Crl::parse(&crl.der)
            .and_then(|parsed| parsed.verify(owner.issuer.certificate(), crl.this_update_at));
        let revoked = parsed.map_err(Refusal::from)?.len();
        Ok(Response::new(v1::GetCrlResponse {
            number: crl.number,
            this_update_at: Some(timestamp(crl.this_update_at)),
            next_update_at: Some(timestamp(crl.next_update_at)),
            revoked: u64::try_from(revoked).unwrap_or(u64::MAX),
            crl: crl.der,
        }))
    }

    async fn list_manufacturers(
        &self,
        _: Request<v1::ListManufacturersRequest>,
    ) -> Result<Response<v1::ListManufacturersResponse>, Status> {
        let made_here = self.context.maker.as_ref().map(|maker| &maker.settings);
        let owner = owner(&self.context)?;
        let count =
            |anchors: &pki::path::Anchors| u32::try_from(anchors.certificates().len()).unwrap_or(u32::MAX);
        let manufacturers = owner.manufacturers.iter().map(|one| {
            let made_here = made_here.filter(|settings| settings.id == one.id);
            v1::Manufacturer {
                id: one.id.to_string(),
                masa_url: one.masa_url.as_ref().map_or_else(|| one.masa_hosts.join(" "), ToString::to_string),
                is_made_here: made_here.is_some(),
                masa_policy: made_here
                    .map_or(v1::MasaPolicy::Unspecified, |maker| policy(maker.voucher_policy))
                    .into(),
                is_compat: one.compat == pki::cms::Compat::Lenient,
                idevid_anchors: count(&one.anchors),
                voucher_anchors: count(&one.voucher_anchors),
            }
        });
        Ok(Response::new(v1::ListManufacturersResponse { manufacturers: manufacturers.collect() }))
    }
}

const fn policy(policy: VoucherPolicy) -> v1::MasaPolicy {
    match policy {
        VoucherPolicy::Logged => v1::MasaPolicy::Logged,
        VoucherPolicy::Proximity => v1::MasaPolicy::Proximity,
        VoucherPolicy::SalesVerified => v1::MasaPolicy::SalesVerified,
        VoucherPolicy::Blocked => v1::MasaPolicy::Blocked,
    }
}
