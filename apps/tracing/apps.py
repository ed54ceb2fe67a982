"""Registration of the tracing app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TracingConfig(AppConfig):
    """Traces, observations and scores."""

    name = "apps.tracing"
    label = "tracing"
    verbose_name = _("Tracing")

    def ready(self) -> None:
        """Install the OpenTelemetry SDK; register pages, navigation and cards."""
        from django.urls import register_converter

        from apps.core.admin import dashboard, navigation, pages
        from apps.tracing import actions, export
        from apps.tracing.admin.analytics import AnalyticsPage
        from apps.tracing.admin.bulk import TraceBulkPage
        from apps.tracing.admin.cards import trace_cards
        from apps.tracing.admin.compare import ComparePage
        from apps.tracing.admin.dashboard import (
            DashboardLayoutPage,
            DashboardPage,
            DashboardsPage,
            WidgetPage,
        )
        from apps.tracing.admin.explorer import (
            ObservationListPage,
            SavedViewPage,
            SavedViewsPage,
            TraceListPage,
        )
        from apps.tracing.admin.retention import TraceRetentionPage
        from apps.tracing.admin.session import SessionListPage, SessionPage
        from apps.tracing.admin.trace import TracePage
        from apps.tracing.admin.user import UserListPage, UserPage
        from apps.tracing.converters import AnyConverter

        register_converter(AnyConverter, "any")
        export.install()
        actions.register_all()
        pages.register("traces/", TraceListPage, "tracing_traces")
        pages.register("observations/", ObservationListPage, "tracing_observations")
        pages.register("analytics/", AnalyticsPage, "tracing_analytics")
        pages.register("dashboards/", DashboardsPage, "tracing_dashboards")
        pages.register("dashboards/<uuid:dashboard_id>/", DashboardPage, "tracing_dashboard")
        pages.register(
            "dashboards/<uuid:dashboard_id>/layout/", DashboardLayoutPage, "tracing_dashboard_layout"
        )
        pages.register("dashboards/<uuid:dashboard_id>/widgets/add/", WidgetPage, "tracing_widget_add")
        pages.register(
            "dashboards/<uuid:dashboard_id>/widgets/<uuid:widget_id>/", WidgetPage, "tracing_widget"
        )
        pages.register("saved-views/", SavedViewsPage, "tracing_saved_views")
        pages.register("saved-views/<uuid:view_id>/", SavedViewPage, "tracing_saved_view")
        pages.register("traces/compare/", ComparePage, "tracing_compare")
        pages.register("traces/<str:trace_id>/", TracePage, "tracing_trace")
        pages.register("traces/<str:trace_id>/bulk/", TraceBulkPage, "tracing_trace_bulk")
        pages.register("trace-retention/", TraceRetentionPage, "tracing_retention")
        pages.register("sessions/", SessionListPage, "tracing_sessions")
        pages.register("sessions/<any:session_id>/", SessionPage, "tracing_session")
        pages.register("trace-users/", UserListPage, "tracing_users")
        pages.register("trace-users/<any:user_id>/", UserPage, "tracing_user")
        navigation.register(
            "Observe", _("Traces"), "account_tree", "admin:tracing_traces", 10, model="tracing.Trace"
        )
        navigation.register(
            "Observe",
            _("Observations"),
            "format_list_bulleted",
            "admin:tracing_observations",
            11,
            model="tracing.Trace",
        )
        navigation.register(
            "Observe", _("Analytics"), "monitoring", "admin:tracing_analytics", 12, model="tracing.Trace"
        )
        navigation.register(
            "Observe",
            _("Dashboards"),
            "space_dashboard",
            "admin:tracing_dashboards",
            13,
            model="tracing.Dashboard",
        )
        navigation.register(
            "Observe",
            _("Alerts"),
            "notifications",
            "admin:tracing_alert_changelist",
            14,
            model="tracing.Alert",
        )
        navigation.register(
            "Observe",
            _("Trace exports"),
            "download",
            "admin:tracing_traceexport_changelist",
            30,
            model="tracing.TraceExport",
        )
        navigation.register(
            "Settings",
            _("Score definitions"),
            "star_rate",
            "admin:tracing_scoreconfig_changelist",
            60,
            action="change",
            model="tracing.ScoreConfig",
        )
        navigation.register(
            "Settings",
            _("Masking rules"),
            "visibility_off",
            "admin:tracing_maskingrule_changelist",
            61,
            action="change",
            model="tracing.MaskingRule",
        )
        navigation.register(
            "Settings",
            _("Trace forwarders"),
            "forward",
            "admin:tracing_traceforwarder_changelist",
            62,
            action="change",
            model="tracing.TraceForwarder",
        )
        navigation.register(
            "Settings",
            _("Retention of traces"),
            "auto_delete",
            "admin:tracing_retention",
            63,
            action="change",
            model="tracing.TraceRetention",
        )
        dashboard.register_card(10, trace_cards)
