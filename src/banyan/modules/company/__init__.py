"""Company, plants, departments, calendars, currencies, tax codes and units: the bottom everyone stands on."""
