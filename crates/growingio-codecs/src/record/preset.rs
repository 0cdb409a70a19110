use std::borrow::Cow;
use std::mem::discriminant;

use super::value::own;

/// The value of a [`Preset`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PresetValue<'a> {
    /// A text.
    Text(&'a str),
    /// An integer; `i32` fields hold no more than that.
    Integer(i64),
    /// A number.
    Double(f64),
}

macro_rules! presets {
    ($($kind:ident($type:ty) { $($(#[$doc:meta])* $name:ident = $number:literal, $key:literal;)* })*) => {
        /// An optional field of an event that the service itself gives a meaning.
        ///
        /// Server-side SDKs offer the domain, the URL scheme, the device's brand, model and
        /// type, the app's version and name, and the language. The others are what apps and
        /// pages send.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Preset<'a> {
            $($($(#[$doc])* $name($type),)*)*
        }

        impl<'a> Preset<'a> {
            /// The field's number in protobuf.
            pub fn number(&self) -> u32 {
                match self { $($(Self::$name(_) => $number,)*)* }
            }

            /// The field's key in JSON: its name in the schema, in camel case.
            pub fn key(&self) -> &'static str {
                match self { $($(Self::$name(_) => $key,)*)* }
            }

            /// What the field holds.
            pub fn value(&self) -> PresetValue<'_> {
                match self { $($(Self::$name(value) => presets!(@value $kind value),)*)* }
            }

            /// The same without borrowed parts.
            pub fn into_owned(self) -> Preset<'static> {
                match self { $($(Self::$name(value) => Preset::$name(presets!(@own $kind value)),)*)* }
            }

            /// The field of this number with this value; `None` when there is no such field
            /// or it holds another type.
            pub(crate) fn from_number(number: u32, value: DecodedPreset) -> Option<Preset<'static>> {
                match (number, value) {
                    $($(($number, presets!(@pattern $kind value)) => Some(Preset::$name(value as _)),)*)*
                    _ => None,
                }
            }

            /// The number of the field of this key.
            pub(crate) fn number_of(key: &str) -> Option<u32> {
                match key { $($($key => Some($number),)*)* _ => None }
            }
        }
    };
    (@value text $value:ident) => { PresetValue::Text($value) };
    (@value integer $value:ident) => { PresetValue::Integer(i64::from(*$value)) };
    (@value long $value:ident) => { PresetValue::Integer(*$value) };
    (@value double $value:ident) => { PresetValue::Double(*$value) };
    (@own text $value:ident) => { own($value) };
    (@own $kind:ident $value:ident) => { $value };
    (@pattern text $value:ident) => { DecodedPreset::Text($value) };
    (@pattern integer $value:ident) => { DecodedPreset::Integer($value) };
    (@pattern long $value:ident) => { DecodedPreset::Integer($value) };
    (@pattern double $value:ident) => { DecodedPreset::Double($value) };
}

/// A value that a decoder found and a [`Preset`] may hold.
#[derive(Debug)]
pub(crate) enum DecodedPreset {
    Text(Cow<'static, str>),
    Integer(i64),
    Double(f64),
}

presets! {
    text(Cow<'a, str>) {
        /// The id the service knows the user by; one SDK repeats the login user id here.
        GioId = 3, "gioId";
        /// The visit's id.
        SessionId = 4, "sessionId";
        /// The host of a page, the package of an app.
        Domain = 9, "domain";
        /// The path of a page.
        Path = 10, "path";
        /// The query of a page.
        Query = 11, "query";
        /// The title of a page.
        Title = 12, "title";
        /// The page before this one.
        ReferralPage = 13, "referralPage";
        /// The user's language, such as `zh_CN`.
        Language = 18, "language";
        /// The app's version.
        AppVersion = 20, "appVersion";
        /// The page's scheme, such as `https`.
        ProtocolType = 26, "protocolType";
        /// The text of an element.
        TextValue = 27, "textValue";
        /// The place of an element in its page.
        Xpath = 28, "xpath";
        /// Where an element links to.
        Hyperlink = 30, "hyperlink";
        /// The scheme by which the app is opened.
        UrlScheme = 31, "urlScheme";
        /// Whether the app is in the foreground.
        AppState = 32, "appState";
        /// The kind of network.
        NetworkState = 33, "networkState";
        /// The store the app came from.
        AppChannel = 34, "appChannel";
        /// The name of a page.
        PageName = 35, "pageName";
        /// The version of the platform.
        PlatformVersion = 36, "platformVersion";
        /// The device's brand.
        DeviceBrand = 37, "deviceBrand";
        /// The device's model.
        DeviceModel = 38, "deviceModel";
        /// The kind of device: `PHONE` or `PAD`.
        DeviceType = 39, "deviceType";
        /// The operating system.
        OperatingSystem = 40, "operatingSystem";
        /// The app's name.
        AppName = 42, "appName";
        /// The International Mobile Equipment Identity.
        Imei = 46, "imei";
        /// Android's id of the device.
        AndroidId = 47, "androidId";
        /// The Open Anonymous Device Identifier.
        Oaid = 48, "oaid";
        /// Google's advertising id.
        GoogleAdvertisingId = 49, "googleAdvertisingId";
        /// Apple's Identifier for Advertisers.
        Idfa = 50, "idfa";
        /// Apple's Identifier for Vendors.
        Idfv = 51, "idfv";
        /// How the screen is held.
        Orientation = 52, "orientation";
        /// The content around an element.
        Xcontent = 56, "xcontent";
        /// The device's offset from UTC.
        TimezoneOffset = 57, "timezoneOffset";
    }
    integer(i32) {
        /// The event's number among events of its type.
        EventSequenceId = 15, "eventSequenceId";
        /// The screen's height in pixels.
        ScreenHeight = 16, "screenHeight";
        /// The screen's width in pixels.
        ScreenWidth = 17, "screenWidth";
        /// The position of an element in its list.
        Index = 29, "index";
    }
    long(i64) {
        /// The event's number among all events of the device.
        GlobalSequenceId = 14, "globalSequenceId";
        /// When the page was shown, in milliseconds since the Unix epoch.
        PageShowTimestamp = 23, "pageShowTimestamp";
    }
    double(f64) {
        /// Degrees north.
        Latitude = 44, "latitude";
        /// Degrees east.
        Longitude = 45, "longitude";
    }
}

/// The preset fields of one event, each at most once, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Presets<'a>(Vec<Preset<'a>>);

impl<'a> Presets<'a> {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a field; the last value counts.
    pub fn set(&mut self, preset: Preset<'a>) {
        match self
            .0
            .binary_search_by_key(&preset.number(), Preset::number)
        {
            Ok(place) => self.0[place] = preset,
            Err(place) => self.0.insert(place, preset),
        }
    }

    /// The field of the same kind as this one, whatever that holds.
    ///
    /// ```
    /// use growingio_codecs::record::{Preset, Presets};
    ///
    /// let mut presets = Presets::new();
    /// presets.set(Preset::AppName("shop".into()));
    /// assert!(presets.get(&Preset::AppName("".into())).is_some());
    /// ```
    pub fn get(&self, kind: &Preset<'_>) -> Option<&Preset<'a>> {
        self.0.iter().find(|preset| {
            // The lifetime is not part of the kind.
            discriminant::<Preset<'_>>(preset) == discriminant::<Preset<'_>>(kind)
        })
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields in the order of their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, Preset<'a>> {
        self.0.iter()
    }

    /// The same fields without borrowed parts.
    pub fn into_owned(self) -> Presets<'static> {
        Presets(self.0.into_iter().map(Preset::into_owned).collect())
    }
}

impl<'s, 'a> IntoIterator for &'s Presets<'a> {
    type Item = &'s Preset<'a>;
    type IntoIter = std::slice::Iter<'s, Preset<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_the_order_of_their_numbers_and_only_once() {
        let mut presets = Presets::new();
        presets.set(Preset::AppName("a".into()));
        presets.set(Preset::Domain("d".into()));
        presets.set(Preset::AppName("b".into()));
        let found: Vec<_> = presets
            .iter()
            .map(|preset| (preset.number(), preset.value()))
            .collect();
        assert_eq!(
            found,
            [(9, PresetValue::Text("d")), (42, PresetValue::Text("b"))]
        );
    }

    #[test]
    fn keys_lead_to_numbers() {
        let mut presets = Presets::new();
        presets.set(Preset::ScreenWidth(5));
        let preset = presets.get(&Preset::ScreenWidth(0)).unwrap();
        assert_eq!(Preset::number_of(preset.key()), Some(preset.number()));
        assert_eq!(Preset::number_of("projectKey"), None);
    }
}
