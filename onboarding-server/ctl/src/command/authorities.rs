//! `gangway authorities`: whom the server trusts, whom it signs as, and what it has revoked.
//! Does not: verify a revocation list; openssl and the server do.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use proto_api::v1::authority_service_client::AuthorityServiceClient;
use proto_api::v1::{AuthorityKind, GetCrlRequest, ListAuthoritiesRequest, ListManufacturersRequest};
use tonic::transport::Channel;

use super::issue::write;
use super::{ANSWER_BYTES_MAX, open};
use crate::error::Error;
use crate::output::Output;
use crate::profile::ConnectionArgs;
use crate::view;

/// What to do with authorities.
#[derive(Debug, Subcommand)]
pub(crate) enum AuthoritiesCommand {
    /// List every certificate that the server signs with or trusts, with its expiry
    List {
        /// Only of this kind, such as domain-issuing
        #[arg(long, value_name = "KIND", value_parser = view::parse_authority_kind)]
        kind: Option<AuthorityKind>,
    },
    /// Show the newest certificate revocation list, or write it to a file
    #[command(after_help = "\
Example: gangway authorities crl --out crl.der && openssl crl -inform DER -in crl.der -noout -text")]
    Crl(CrlArgs),
    /// List the manufacturers whose devices may come
    Manufacturers,
}

/// Which revocation list, and where it goes.
#[derive(Args, Debug)]
pub(crate) struct CrlArgs {
    /// The issuing CA's name as `list` shows it; the domain's when left out
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    authority: String,
    /// Where the list is written, DER; - for standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

type Client = AuthorityServiceClient<Channel>;

/// Runs the command.
///
/// # Errors
/// Those of the connection, the call and the output.
pub(crate) async fn run<W: Write>(
    command: AuthoritiesCommand,
    connection: &ConnectionArgs,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let client =
        AuthorityServiceClient::new(open(connection).await?).max_decoding_message_size(ANSWER_BYTES_MAX);
    match command {
        AuthoritiesCommand::List { kind } => list(client, kind.unwrap_or_default(), output).await,
        AuthoritiesCommand::Crl(args) => crl(client, args, output).await,
        AuthoritiesCommand::Manufacturers => manufacturers(client, output).await,
    }
}

async fn list<W: Write>(
    mut client: Client,
    kind: AuthorityKind,
    output: &mut Output<W>,
) -> Result<(), Error> {
    let answer = client.list_authorities(ListAuthoritiesRequest { kind: kind.into() }).await?.into_inner();
    let mut list = output.list("authorities", view::AUTHORITIES)?;
    answer.authorities.iter().try_for_each(|authority| list.entry(&view::authority(authority)))?;
    list.end("")
}

async fn crl<W: Write>(mut client: Client, args: CrlArgs, output: &mut Output<W>) -> Result<(), Error> {
    let answer = client.get_crl(GetCrlRequest { authority: args.authority }).await?.into_inner();
    match args.out.as_deref() {
        Some(path) if path == Path::new("-") => output.raw(&answer.crl),
        Some(path) => {
            write(path, &answer.crl)?;
            output.one(&view::crl(&answer, &path.display().to_string()))
        }
        None => output.one(&view::crl(&answer, "")),
    }
}

async fn manufacturers<W: Write>(mut client: Client, output: &mut Output<W>) -> Result<(), Error> {
    let answer = client.list_manufacturers(ListManufacturersRequest {}).await?.into_inner();
    let mut list = output.list("manufacturers", view::MANUFACTURERS)?;
    answer.manufacturers.iter().try_for_each(|known| list.entry(&view::manufacturer(known)))?;
    list.end("")
}
