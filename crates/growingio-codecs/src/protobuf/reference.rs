use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;
use prost::Message as _;

use crate::batch::{Batch, Format};
use crate::decode::{DecodeLimits, decode_protobuf};
use crate::generated::growingio_v3 as reference;
use crate::record::{
    Attributes, EventRecord, EventType, ItemRecord, Preset, PresetValue, ResourceItem, UserMapping,
};
use crate::round_trip::{batch, event};
use crate::route::Route;

fn text(text: &Option<Cow<'_, str>>) -> String {
    text.as_deref().unwrap_or_default().to_owned()
}

fn texts(attributes: &Attributes<'_>) -> HashMap<String, String> {
    attributes
        .iter()
        .filter_map(|(key, value)| Some((key.to_string(), value.to_text()?.into_owned())))
        .collect()
}

fn to_reference(event: &EventRecord<'_>) -> reference::EventV3Dto {
    let mut dto = reference::EventV3Dto {
        device_id: text(&event.anonymous_id),
        user_id: text(&event.login_user_id),
        data_source_id: text(&event.data_source_id),
        event_type: event.event_type.number().unwrap_or_default(),
        platform: text(&event.platform),
        timestamp: event.timestamp_ms.unwrap_or_default(),
        sdk_version: text(&event.sdk_version),
        event_name: text(&event.event_name),
        attributes: texts(&event.attributes),
        resource_item: event
            .resource_item
            .as_ref()
            .map(|item| reference::ResourceItem {
                id: item.item_id.to_string(),
                key: item.item_key.to_string(),
                attributes: texts(&item.attributes),
            }),
        project_key: text(&event.product_id),
        send_time: event.send_time_ms.unwrap_or_default(),
        user_key: text(&event.login_user_key),
        ..reference::EventV3Dto::default()
    };
    for preset in &event.presets {
        set_preset(&mut dto, preset);
    }
    dto
}

/// Every preset under the name that the schema gives it, so that no number can be wrong.
fn set_preset(dto: &mut reference::EventV3Dto, preset: &Preset<'_>) {
    let text = match preset.value() {
        PresetValue::Text(text) => text.to_owned(),
        _ => String::new(),
    };
    match preset {
        Preset::GioId(_) => dto.gio_id = text,
        Preset::SessionId(_) => dto.session_id = text,
        Preset::Domain(_) => dto.domain = text,
        Preset::Path(_) => dto.path = text,
        Preset::Query(_) => dto.query = text,
        Preset::Title(_) => dto.title = text,
        Preset::ReferralPage(_) => dto.referral_page = text,
        Preset::Language(_) => dto.language = text,
        Preset::AppVersion(_) => dto.app_version = text,
        Preset::ProtocolType(_) => dto.protocol_type = text,
        Preset::TextValue(_) => dto.text_value = text,
        Preset::Xpath(_) => dto.xpath = text,
        Preset::Hyperlink(_) => dto.hyperlink = text,
        Preset::UrlScheme(_) => dto.url_scheme = text,
        Preset::AppState(_) => dto.app_state = text,
        Preset::NetworkState(_) => dto.network_state = text,
        Preset::AppChannel(_) => dto.app_channel = text,
        Preset::PageName(_) => dto.page_name = text,
        Preset::PlatformVersion(_) => dto.platform_version = text,
        Preset::DeviceBrand(_) => dto.device_brand = text,
        Preset::DeviceModel(_) => dto.device_model = text,
        Preset::DeviceType(_) => dto.device_type = text,
        Preset::OperatingSystem(_) => dto.operating_system = text,
        Preset::AppName(_) => dto.app_name = text,
        Preset::Imei(_) => dto.imei = text,
        Preset::AndroidId(_) => dto.android_id = text,
        Preset::Oaid(_) => dto.oaid = text,
        Preset::GoogleAdvertisingId(_) => dto.google_advertising_id = text,
        Preset::Idfa(_) => dto.idfa = text,
        Preset::Idfv(_) => dto.idfv = text,
        Preset::Orientation(_) => dto.orientation = text,
        Preset::Xcontent(_) => dto.xcontent = text,
        Preset::TimezoneOffset(_) => dto.timezone_offset = text,
        Preset::EventSequenceId(value) => dto.event_sequence_id = *value,
        Preset::ScreenHeight(value) => dto.screen_height = *value,
        Preset::ScreenWidth(value) => dto.screen_width = *value,
        Preset::Index(value) => dto.index = *value,
        Preset::GlobalSequenceId(value) => dto.global_sequence_id = *value,
        Preset::PageShowTimestamp(value) => dto.page_show_timestamp = *value,
        Preset::Latitude(value) => dto.latitude = *value,
        Preset::Longitude(value) => dto.longitude = *value,
    }
}

fn item_to_reference(item: &ItemRecord<'_>) -> reference::ItemDto {
    reference::ItemDto {
        id: text(&item.item_id),
        key: text(&item.item_key),
        attributes: item.attributes.as_ref().map(texts).unwrap_or_default(),
        data_source_id: text(&item.data_source_id),
        project_key: text(&item.product_id),
    }
}

fn mapping_to_reference(mapping: &UserMapping<'_>) -> reference::UserMappingDto {
    reference::UserMappingDto {
        project_key: mapping.product_id.to_string(),
        send_time: mapping.send_time_ms,
        identifies: mapping
            .identities
            .iter()
            .map(|(key, id)| (key.to_string(), id.to_string()))
            .collect(),
        data_source_id: mapping.data_source_id.to_string(),
    }
}

/// Our bytes as the generated code reads them.
fn check(batch: &Batch<'_>) {
    let mut body = Vec::new();
    batch.write(Format::Protobuf, &mut body).unwrap();
    match batch {
        Batch::Events(events) => {
            let list = reference::EventV3List::decode(body.as_slice()).unwrap();
            let want: Vec<_> = events.iter().map(to_reference).collect();
            assert_eq!(list.values, want);
        }
        Batch::Items(items) => {
            let list = reference::ItemDtoList::decode(body.as_slice()).unwrap();
            let want: Vec<_> = items.iter().map(item_to_reference).collect();
            assert_eq!(list.values, want);
        }
        Batch::UserMappings(mappings) => {
            let list = reference::UserMappingDtoList::decode(body.as_slice()).unwrap();
            let want: Vec<_> = mappings.iter().map(mapping_to_reference).collect();
            assert_eq!(list.values, want);
        }
        Batch::Serialized(_) => panic!("no records to compare with"),
    }
}

proptest! {
    #[test]
    fn the_generated_types_read_what_is_written(batch in batch()) {
        check(&batch);
    }

    #[test]
    fn what_the_generated_types_write_is_read(event in event(), other in event()) {
        let list = reference::EventV3List {
            values: vec![to_reference(&event), to_reference(&other)],
        };
        let body = list.encode_to_vec();
        let batch = decode_protobuf(Route::Events, &body, &DecodeLimits::default()).unwrap();
        let Batch::Events(events) = batch else {
            panic!("not events");
        };
        let decoded: Vec<_> = events.iter().map(to_reference).collect();
        prop_assert_eq!(decoded, list.values);
    }
}

#[test]
fn fields_stand_in_ascending_order() {
    let event = EventRecord::custom("e", 1)
        .with_event_time_ms(2)
        .with_anonymous_id("a")
        .with_login_user("k", "i")
        .with_attribute("a", 1)
        .with_resource_item(ResourceItem::new("k", "i"))
        .with_ids("p", "d")
        .with_sdk("rust", "1")
        .with_preset(Preset::TimezoneOffset("8".into()))
        .with_preset(Preset::GioId("g".into()))
        .with_preset(Preset::Domain("d".into()))
        .with_preset(Preset::AppVersion("1".into()))
        .with_preset(Preset::PageShowTimestamp(5))
        .with_preset(Preset::Latitude(1.5))
        .with_preset(Preset::Index(-1));
    let ours = {
        let mut body = Vec::new();
        Batch::Events(vec![event.clone()])
            .write(Format::Protobuf, &mut body)
            .unwrap();
        body
    };
    // With one attribute there is one order, so the bytes are the generated code's.
    let values = vec![to_reference(&event)];
    let theirs = reference::EventV3List { values }.encode_to_vec();
    assert_eq!(ours, theirs);
}

#[test]
fn event_types_have_the_schemas_names_and_numbers() {
    for number in 0..12 {
        let kind = reference::EventType::try_from(number).unwrap();
        assert_eq!(EventType::from_number(number).name(), kind.as_str_name());
    }
    assert!(reference::EventType::try_from(12).is_err());
}
