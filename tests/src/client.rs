//! A program at a station's gRPC service, with a person's token.

use sanji_proto::v1::case_service_client::CaseServiceClient;
use sanji_proto::v1::health_client::HealthClient;
use sanji_proto::v1::{self as proto, act_request::Action};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::Error;

/// Adds the token to every call.
#[derive(Debug, Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// One person, or the keeper, at one station.
#[derive(Debug, Clone)]
pub struct Client {
    /// Cases.
    pub cases: CaseServiceClient<InterceptedService<Channel, Bearer>>,
    /// The station itself.
    pub health: HealthClient<InterceptedService<Channel, Bearer>>,
}

/// Names the call in the error.
pub fn failed(call: &'static str) -> impl Fn(Status) -> Error {
    move |status| Error::Call { call, status: Box::new(status) }
}

impl Client {
    /// Connects to `address` with a token.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::Sample`] where the token has characters that no token has.
    pub async fn connect(address: std::net::SocketAddr, token: &str) -> Result<Self, Error> {
        let bearer = format!("Bearer {}", token.trim()).parse().map_err(|_| Error::Sample("usable token".into()))?;
        let channel = Channel::from_shared(format!("http://{address}"))
            .map_err(|_| Error::Sample("usable address".into()))?
            .connect()
            .await?;
        let bearer = Bearer(bearer);
        Ok(Self {
            cases: CaseServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            health: HealthClient::with_interceptor(channel, bearer),
        })
    }

    /// One case.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn get(&mut self, case_number: &str) -> Result<proto::CaseView, Error> {
        let request = proto::GetRequest { case_number: case_number.to_owned(), unmasked: false };
        Ok(self.cases.get(request).await.map_err(failed("Get"))?.into_inner())
    }

    /// Takes one action on a case, whatever its rev.
    ///
    /// # Errors
    /// [`Error::Call`] where it is refused.
    pub async fn act(&mut self, case_number: &str, action: Action) -> Result<proto::ActReply, Error> {
        let request = proto::ActRequest {
            request: rand::random::<[u8; 16]>().to_vec(),
            case_number: case_number.to_owned(),
            expected_rev: 0,
            action: Some(action),
        };
        Ok(self.cases.act(request).await.map_err(failed("Act"))?.into_inner())
    }

    /// Stores an attachment for the application `request` or an open case.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub async fn put_attachment(&mut self, head: proto::AttachmentHead, content: &[u8]) -> Result<Vec<u8>, Error> {
        let head = proto::PutAttachmentRequest { part: Some(proto::put_attachment_request::Part::Head(head)) };
        let parts: Vec<_> = content
            .chunks(65_536)
            .map(|data| proto::PutAttachmentRequest {
                part: Some(proto::put_attachment_request::Part::Data(data.to_vec())),
            })
            .collect();
        let stream = tokio_stream::iter(std::iter::once(head).chain(parts));
        Ok(self.cases.put_attachment(stream).await.map_err(failed("PutAttachment"))?.into_inner().id)
    }
}
