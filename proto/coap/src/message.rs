//! One message: header, token, options and payload, over the codec of coap-lite.
//!
//! Source: RFC 7252 §3.
//! Does not: use coap-lite's block handler (it delivers bodies with holes) or its observers.
//! Invariants: a parsed message has passed [`wire::check`]; the codec's own traps (a token above eight octets panics,
//! an option above 65,804 octets is cut, a limit of 1,280 octets) cannot be reached from here.

use std::collections::LinkedList;

use coap_lite::{CoapOption, MessageType, Packet};
use proto::ContentFormat;

use crate::option::{self, Definition, Direction};
use crate::wire::{self, Kind};
use crate::{Code, Error, Token};

/// The most octets that an option's value can have on the wire (RFC 7252 §3.1: 269 + 65,535).
const OPTION_VALUE_BYTES_MAX: usize = 65_804;

/// A message, received or to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    packet: Packet,
}

impl Message {
    /// Makes a message without id, token, options and payload.
    pub(crate) fn new(code: Code) -> Self {
        let mut message = Self { packet: Packet::new() };
        message.set_code(code);
        message
    }

    /// Parses a datagram.
    ///
    /// # Errors
    /// Any of the malformed reasons of [`Error`].
    pub(crate) fn parse(datagram: &[u8], bytes_max: usize) -> Result<Self, Error> {
        wire::check(datagram, bytes_max)?;
        let packet = Packet::from_bytes(datagram).map_err(|_| Error::OptionMalformed)?;
        Ok(Self { packet })
    }

    /// Writes the message.
    ///
    /// # Errors
    /// [`Error::MessageTooLarge`] (fault).
    pub(crate) fn encode(&self, bytes_max: usize) -> Result<Vec<u8>, Error> {
        if self.options().any(|(_, value)| value.len() > OPTION_VALUE_BYTES_MAX) {
            return Err(Error::MessageTooLarge);
        }
        self.packet.to_bytes_with_limit(bytes_max).map_err(|_| Error::MessageTooLarge)
    }

    pub(crate) fn code(&self) -> Code {
        Code::from_byte(u8::from(self.packet.header.code))
    }

    pub(crate) fn set_code(&mut self, code: Code) {
        self.packet.header.code = code.as_byte().into();
    }

    pub(crate) fn set_header(&mut self, kind: Kind, id: u16) {
        self.packet.header.set_type(match kind {
            Kind::Confirmable => MessageType::Confirmable,
            Kind::NonConfirmable => MessageType::NonConfirmable,
            Kind::Acknowledgement => MessageType::Acknowledgement,
            Kind::Reset => MessageType::Reset,
        });
        self.packet.header.message_id = id;
    }

    pub(crate) fn token(&self) -> Token {
        Token::new(self.packet.get_token()).unwrap_or_default()
    }

    pub(crate) fn set_token(&mut self, token: Token) {
        self.packet.set_token(token.as_bytes().to_vec());
    }

    pub(crate) fn set_payload(&mut self, payload: Vec<u8>) {
        self.packet.payload = payload;
    }

    pub(crate) fn take_payload(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.packet.payload)
    }

    /// Lists all options, ordered by number.
    pub(crate) fn options(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.packet
            .options()
            .flat_map(|(number, values)| values.iter().map(|value| (*number, value.as_slice())))
    }

    /// Lists the values of one option.
    pub(crate) fn values(&self, number: u16) -> impl Iterator<Item = &[u8]> {
        self.packet.get_option(CoapOption::from(number)).into_iter().flatten().map(Vec::as_slice)
    }

    /// Returns the first value of an option.
    pub(crate) fn value(&self, number: u16) -> Option<&[u8]> {
        self.packet.get_first_option(CoapOption::from(number)).map(Vec::as_slice)
    }

    /// Returns the first value of an option as a number.
    pub(crate) fn uint(&self, number: u16) -> Option<u32> {
        self.value(number).and_then(option::uint)
    }

    /// Returns the size of a body that an option announces, in octets; 0 without one.
    pub(crate) fn size(&self, number: u16) -> usize {
        self.uint(number).and_then(|size| usize::try_from(size).ok()).unwrap_or(0)
    }

    /// Returns the Content-Format that an option names.
    pub(crate) fn format(&self, number: u16) -> Option<ContentFormat> {
        self.uint(number).and_then(|format| u16::try_from(format).ok()).map(ContentFormat::new)
    }

    pub(crate) fn has(&self, number: u16) -> bool {
        self.value(number).is_some()
    }

    /// Adds a value behind those that the option has.
    pub(crate) fn add(&mut self, number: u16, value: Vec<u8>) {
        self.packet.add_option(CoapOption::from(number), value);
    }

    /// Replaces all values of an option by one.
    pub(crate) fn set(&mut self, number: u16, value: Vec<u8>) {
        self.packet.set_option(CoapOption::from(number), LinkedList::from([value]));
    }

    /// Adds the Content-Format that an option names.
    pub(crate) fn add_format(&mut self, number: u16, format: ContentFormat) {
        self.add(number, option::encode_uint(u32::from(format.number())));
    }

    pub(crate) fn remove(&mut self, number: u16) {
        self.packet.clear_option(CoapOption::from(number));
    }

    /// Removes elective values of a length that is not defined, and names the first critical option that is not
    /// recognized: unknown, of such a length, or supernumerary (RFC 7252 §5.4.1, §5.4.3, §5.4.5).
    pub(crate) fn screen(&mut self, direction: Direction) -> Result<(), u16> {
        let mut misfits = Vec::new();
        let (mut previous, mut nth) = (None, 0);
        for (number, value) in self.options() {
            nth = if previous == Some(number) { nth + 1 } else { 0 };
            previous = Some(number);
            let definition = Definition::find(number, direction);
            let is_recognized = definition.is_some_and(|found| found.allows(value.len(), nth));
            // RFC7252-5.4.1-critical RFC7252-5.4.1-elective
            if !is_recognized && option::is_critical(number) {
                return Err(number);
            }
            if !is_recognized && definition.is_some() {
                misfits.push((number, nth));
            }
        }
        for (number, nth) in misfits.into_iter().rev() {
            self.remove_nth(number, nth);
        }
        Ok(())
    }

    fn remove_nth(&mut self, number: u16, nth: usize) {
        let others = self.values(number).enumerate().filter(|(at, _)| *at != nth);
        let others = others.map(|(_, value)| value.to_vec()).collect();
        self.packet.set_option(CoapOption::from(number), others);
    }
}

/// Returns an empty Acknowledgement or Reset for a message id: four octets (RFC 7252 §4.2).
pub(crate) fn empty(kind: Kind, id: u16) -> [u8; 4] {
    let first = match kind {
        Kind::Confirmable => 0x40,
        Kind::NonConfirmable => 0x50,
        Kind::Acknowledgement => 0x60,
        Kind::Reset => 0x70,
    };
    let [high, low] = id.to_be_bytes();
    [first, Code::EMPTY.as_byte(), high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screened(mut message: Message, direction: Direction) -> Result<Message, u16> {
        message.screen(direction).map(|()| message)
    }

    #[test]
    fn a_message_goes_there_and_back() {
        let mut message = Message::new(Code::POST);
        message.set_header(Kind::NonConfirmable, 0xbeef);
        message.set_token(Token::new(&[1, 2, 3]).unwrap());
        message.add(option::URI_PATH, b"a".to_vec());
        message.add(option::URI_PATH, vec![b'b'; 255]);
        message.add(option::REQUEST_TAG, vec![9]);
        message.add(65_000, vec![7; 300]);
        message.set_payload(vec![0xff; 500]);
        let datagram = message.encode(1152).unwrap();
        assert_eq!(Message::parse(&datagram, 1152).unwrap(), message);
        assert_eq!(message.encode(800), Err(Error::MessageTooLarge));
    }

    #[test]
    fn an_option_that_cannot_be_written_is_not_cut() {
        let mut message = Message::new(Code::GET);
        message.add(option::PROXY_URI, vec![0; OPTION_VALUE_BYTES_MAX + 1]);
        assert_eq!(message.encode(usize::MAX), Err(Error::MessageTooLarge));
    }

    #[test]
    fn unknown_critical_options_are_named_and_elective_ones_ignored() {
        // RFC7252-5.4.1-critical RFC7252-5.4.1-elective
        let mut message = Message::new(Code::GET);
        message.add(2_050, vec![1]);
        assert!(screened(message.clone(), Direction::Request).is_ok());
        message.add(2_051, vec![1]);
        assert_eq!(screened(message, Direction::Request), Err(2_051));
    }

    #[test]
    fn a_value_of_the_wrong_length_counts_as_an_unknown_option() {
        // RFC7252-5.4.3-length
        let mut message = Message::new(Code::GET);
        message.add(option::CONTENT_FORMAT, vec![0; 3]);
        message.add(option::ETAG, vec![]);
        message.add(option::ETAG, vec![5]);
        let screened_message = screened(message.clone(), Direction::Request).unwrap();
        assert!(!screened_message.has(option::CONTENT_FORMAT));
        assert_eq!(screened_message.value(option::ETAG), Some(&[5][..]));
        message.add(option::ACCEPT, vec![0; 3]);
        assert_eq!(screened(message, Direction::Request), Err(option::ACCEPT));
    }

    #[test]
    fn a_supernumerary_option_counts_as_unknown() {
        // RFC7252-5.4.5-supernumerary
        let mut message = Message::new(Code::GET);
        message.add(option::OBSERVE, vec![]);
        message.add(option::OBSERVE, vec![1]);
        let kept = screened(message.clone(), Direction::Request).unwrap();
        assert_eq!(kept.values(option::OBSERVE).collect::<Vec<_>>(), [&[][..]]);
        message.add(option::BLOCK1, vec![]);
        message.add(option::BLOCK1, vec![]);
        assert_eq!(screened(message, Direction::Request), Err(option::BLOCK1));
    }
}
