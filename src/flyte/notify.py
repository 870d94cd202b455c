"""Notifications: whom to tell when a run ends.

    from flyte import notify
    from flyte.models import ActionPhase

    flyte.with_runcontext(
        notifications=notify.Slack(on_phase=ActionPhase.FAILED, webhook_url="https://hooks.slack.com/...")
    ).run(task)

Texts and addresses may hold `{{.Run.Name}}`, `{{.Run.Project}}`, `{{.Run.Domain}}`, `{{.Phase}}` and `{{.Error}}`;
those of a run that asks somebody (phase `PAUSED`) also `{{.Action.Name}}` and `{{.Prompt}}`.
"""

from flyte._notify import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook

__all__ = ["Email", "NamedDelivery", "NamedRule", "Notification", "Slack", "Teams", "Webhook"]
