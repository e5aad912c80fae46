//! Who may call what: one table, which the server's authorization layer reads and the comments of the files repeat.
//! Does not: find out a caller's role; a certificate says that.
//! Invariants: each method of each service stands here once (`tests/contract.rs`); a path that is not here is for nobody.

use core::fmt;

/// What a caller's certificate makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sees everything of the owner's side and of the maker's orders and units; changes nothing.
    Viewer,
    /// Decides on devices and units.
    Operator,
    /// Makes units on one factory line; sees orders and units of that line, no devices.
    Station,
    /// May do everything.
    Admin,
}

impl Role {
    /// Lists all roles, for tests that must cover each.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Station, Self::Admin];

    /// Names the role in lower case, as certificates, logs and comments have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Station => "station",
            Self::Admin => "admin",
        }
    }

    /// Finds the role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const READ: &[Role] = &[Role::Viewer, Role::Operator, Role::Admin];
const DECIDE: &[Role] = &[Role::Operator, Role::Admin];
const MAKE: &[Role] = &[Role::Station, Role::Admin];
const READ_MAKE: &[Role] = &[Role::Viewer, Role::Operator, Role::Station, Role::Admin];

/// For each method, by its path as it stands in the HTTP/2 request, the roles that may call it.
pub const ROLES: &[(&str, &[Role])] = &[
    ("/onboarding.v1.AuthorityService/GetCrl", READ),
    ("/onboarding.v1.AuthorityService/ListAuthorities", READ),
    ("/onboarding.v1.AuthorityService/ListManufacturers", READ),
    ("/onboarding.v1.DeviceService/ApproveDevice", DECIDE),
    ("/onboarding.v1.DeviceService/GetDevice", READ),
    ("/onboarding.v1.DeviceService/GetTimeline", READ),
    ("/onboarding.v1.DeviceService/ImportDevices", DECIDE),
    ("/onboarding.v1.DeviceService/ListDevices", READ),
    ("/onboarding.v1.DeviceService/QuarantineDevice", DECIDE),
    ("/onboarding.v1.DeviceService/RefuseDevice", DECIDE),
    ("/onboarding.v1.DeviceService/ReleaseDevice", DECIDE),
    ("/onboarding.v1.DeviceService/ReopenDevice", DECIDE),
    ("/onboarding.v1.DeviceService/ResumeDevice", DECIDE),
    ("/onboarding.v1.DeviceService/RetireDevice", DECIDE),
    ("/onboarding.v1.DeviceService/SuspendDevice", DECIDE),
    ("/onboarding.v1.EventService/Watch", READ),
    ("/onboarding.v1.FactoryService/BlockUnit", DECIDE),
    ("/onboarding.v1.FactoryService/CloseOrder", MAKE),
    ("/onboarding.v1.FactoryService/GetOrder", READ_MAKE),
    ("/onboarding.v1.FactoryService/GetUnit", READ_MAKE),
    ("/onboarding.v1.FactoryService/IssueIdevId", MAKE),
    ("/onboarding.v1.FactoryService/IssueIdevIds", MAKE),
    ("/onboarding.v1.FactoryService/ListOrders", READ_MAKE),
    ("/onboarding.v1.FactoryService/OpenOrder", MAKE),
    ("/onboarding.v1.FactoryService/RecordSale", DECIDE),
    ("/onboarding.v1.FactoryService/UnblockUnit", DECIDE),
    ("/onboarding.v1.JournalService/GetHead", READ),
    ("/onboarding.v1.JournalService/ListRecords", READ),
    ("/onboarding.v1.JournalService/VerifyJournal", READ),
];

/// Returns the roles that may call the method at `path`; `None` for a path that the API does not have.
#[must_use]
pub fn roles_of(path: &str) -> Option<&'static [Role]> {
    let place = ROLES.binary_search_by(|(known, _)| (*known).cmp(path)).ok()?;
    ROLES.get(place).map(|(_, roles)| *roles)
}

/// Tells whether `role` may call the method at `path`; nobody may call what the table does not have.
#[must_use]
pub fn allows(role: Role, path: &str) -> bool {
    roles_of(path).is_some_and(|roles| roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_a_double() {
        assert!(ROLES.iter().zip(ROLES.iter().skip(1)).all(|((a, _), (b, _))| a < b));
    }

    #[test]
    fn every_role_has_a_name_that_finds_it() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("root"), None);
    }

    #[test]
    fn a_path_that_is_not_in_the_table_is_for_nobody() {
        for path in ["", "/", "/onboarding.v1.DeviceService/Nothing", "onboarding.v1.DeviceService/GetDevice"]
        {
            assert!(Role::ALL.iter().all(|role| !allows(*role, path)), "{path}");
        }
    }

    #[test]
    fn admin_may_do_everything_and_a_station_sees_no_device() {
        for (path, _) in ROLES {
            assert!(allows(Role::Admin, path), "{path}");
            assert_eq!(
                path.contains("FactoryService"),
                allows(Role::Station, path) || path.ends_with("Sale") || path.ends_with("lockUnit")
            );
        }
    }
}
