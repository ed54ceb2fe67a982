"""The console's frame: site, navigation, dashboard, and the bases of its pages."""
