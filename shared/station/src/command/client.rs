//! Finding a station and calling it.

use std::path::PathBuf;

use sanji_proto::v1::administration_client::AdministrationClient;
use sanji_proto::v1::case_service_client::CaseServiceClient;
use sanji_proto::v1::deadline_service_client::DeadlineServiceClient;
use sanji_proto::v1::health_client::HealthClient;
use sanji_proto::v1::keeper_client::KeeperClient;
use sanji_proto::v1::ledger_service_client::LedgerServiceClient;
use sanji_proto::v1::record_service_client::RecordServiceClient;
use sanji_proto::v1::supervision_service_client::SupervisionServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use zeroize::Zeroizing;

use super::Error;
use crate::folder::DataFolder;
use crate::{addresses, keys};

/// Which station a command is for.
#[derive(Debug, Clone, clap::Args)]
pub struct At {
    /// The station's data folder.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    pub data: Option<PathBuf>,
    /// Address of its case service; goes before --data.
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Token of the person who acts; without one, the keeper's from the data folder.
    #[arg(long, value_name = "TOKEN", env = "SANJI_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

impl At {
    /// The data folder, for commands that need it.
    ///
    /// # Errors
    /// [`Error::Input`] where none is named.
    pub fn folder(&self) -> Result<DataFolder, Error> {
        self.data.clone().map(DataFolder::new).ok_or_else(|| Error::Input("say --data DIR".to_owned()))
    }

    /// Connects to the running station.
    ///
    /// # Errors
    /// [`Error::Input`] where nothing says which, [`Error::Connect`] where it does not answer.
    pub async fn connect(&self) -> Result<Client, Error> {
        let folder = self.data.clone().map(DataFolder::new);
        let address = match (&self.address, &folder) {
            (Some(address), _) => address.clone(),
            (None, Some(folder)) => addresses::read(folder)?
                .map(|addresses| addresses.api.to_string())
                .ok_or_else(|| Error::Input(format!("no station is running on {}", folder.path().display())))?,
            (None, None) => {
                return Err(Error::Input("say which station: --data DIR or --address HOST:PORT".to_owned()));
            }
        };
        let token = self.token.clone().map(Zeroizing::new).or_else(|| keys::keeper_token(folder.as_ref()?));
        Client::connect(address, token).await
    }

    /// Connects to the running station; none where the data folder's station is stopped.
    ///
    /// # Errors
    /// As for [`At::connect`].
    pub async fn connect_if_running(&self) -> Result<Option<Client>, Error> {
        if self.address.is_some() {
            return self.connect().await.map(Some);
        }
        if addresses::read(&self.folder()?)?.is_none() {
            return Ok(None);
        }
        match self.connect().await {
            Ok(client) => Ok(Some(client)),
            // The file may be left from a station that was killed. If it runs all the same, its lock says so.
            Err(Error::Connect { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

type Called = InterceptedService<Channel, Bearer>;

/// A connection to one station with one token.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Channel,
    bearer: Bearer,
}

impl Client {
    async fn connect(address: String, token: Option<Zeroizing<String>>) -> Result<Self, Error> {
        let unusable = |_| Error::Input(format!("'{address}' is not an address"));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(unusable)?;
        let token = token
            .map(|token| format!("Bearer {}", token.trim()).parse())
            .transpose()
            .map_err(|_| Error::Input("the token has characters that no token has".to_owned()))?;
        let channel = endpoint.connect().await.map_err(|source| Error::Connect { address, source })?;
        Ok(Self { channel, bearer: Bearer(token) })
    }

    /// Cases.
    #[must_use]
    pub fn cases(&self) -> CaseServiceClient<Called> {
        CaseServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Ledgers.
    #[must_use]
    pub fn ledgers(&self) -> LedgerServiceClient<Called> {
        LedgerServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Vouchers, case files, exchange.
    #[must_use]
    pub fn records(&self) -> RecordServiceClient<Called> {
        RecordServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Deadlines.
    #[must_use]
    pub fn deadlines(&self) -> DeadlineServiceClient<Called> {
        DeadlineServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Electronic supervision.
    #[must_use]
    pub fn supervision(&self) -> SupervisionServiceClient<Called> {
        SupervisionServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// The station's state.
    #[must_use]
    pub fn health(&self) -> HealthClient<Called> {
        HealthClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// The keeper's work at any station.
    #[must_use]
    pub fn keeper(&self) -> KeeperClient<Called> {
        KeeperClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// The keeper's work at the hub.
    #[must_use]
    pub fn administration(&self) -> AdministrationClient<Called> {
        AdministrationClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

/// Adds the token to every call.
#[derive(Debug, Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}
