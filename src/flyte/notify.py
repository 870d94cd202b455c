"""Notifications: whom to tell when a run ends.

    from flyte import notify
    from flyte.models import ActionPhase

    flyte.with_runcontext(
        notifications=notify.Slack(on_phase=ActionPhase.FAILED, webhook_url="https://hooks.slack.com/...")
    ).run(task)

Texts may hold `{{.Run.Name}}`, `{{.Run.Project}}`, `{{.Run.Domain}}`, `{{.Phase}}` and `{{.Error}}`.
"""

from flyte._notify import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook

__all__ = ["Email", "NamedDelivery", "NamedRule", "Notification", "Slack", "Teams", "Webhook"]
