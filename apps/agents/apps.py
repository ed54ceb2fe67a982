"""Registration of the agents app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    """Agents, conversations, and the runtime that answers."""

    name = "apps.agents"
    label = "agents"
    verbose_name = _("Agents")

    def ready(self) -> None:
        """Register pages, navigation, dashboard and the way back from traces."""
        from apps.agents.admin import conversation, dashboard, pages, playground, prompts  # noqa: F401  # registers the admin
        from apps.agents.links import message_link, playground_link, prompt_link
        from apps.agents.openers import playground_address, prompt_address
        from apps.core.admin import dashboard as start_page
        from apps.core.admin import navigation
        from apps.core.admin.pages import register
        from apps.tracing import links, openers
        from apps.tracing.models import Owner
        from apps.tracing.rollups import owners

        register("agents/", pages.AgentListPage, "agents_agents")
        register("agents/new/", pages.AgentNewPage, "agents_agent_new")
        register("agents/<uuid:pk>/", pages.AgentEditPage, "agents_agent_edit")
        register("agents/<uuid:pk>/chat/", pages.ChatPage, "agents_chat")
        register("agents/<uuid:pk>/chat/<uuid:conversation>/", pages.ChatPage, "agents_conversation_chat")
        navigation.register(
            "build", _("Agents"), "smart_toy", "admin:agents_agents", 10, model="agents.Agent"
        )
        register("prompts/", prompts.PromptListPage, "agents_prompts")
        register("prompts/new/", prompts.PromptEditPage, "agents_prompt_new")
        register("prompts/<uuid:pk>/", prompts.PromptDetailPage, "agents_prompt")
        register("prompts/<uuid:pk>/edit/", prompts.PromptEditPage, "agents_prompt_edit")
        navigation.register(
            "build", _("Prompts"), "edit_note", "admin:agents_prompts", 20, model="agents.Prompt"
        )
        register("playground/", playground.PlaygroundPage, "agents_playground")
        navigation.register(
            "build",
            _("Playground"),
            "science",
            "admin:agents_playground",
            25,
            model="agents.PlaygroundSession",
        )
        navigation.register(
            "observe", _("Conversations"), "forum", "admin:agents_conversation_changelist", 10,
            model="agents.Conversation",
        )  # fmt: skip
        start_page.register_card(10, dashboard.answers_card)
        start_page.register_step(30, dashboard.agent_step)
        start_page.register_step(40, dashboard.chat_step)
        links.register("agents.message", message_link)
        owners.register("agents.message", Owner.AGENT)
        links.register("agents.prompt", prompt_link)
        links.register("agents.playground", playground_link)
        openers.register("playground", openers.Opener(_("Open in playground"), playground_address))
        openers.register("prompt", openers.Opener(_("Open the prompt version"), prompt_address))
