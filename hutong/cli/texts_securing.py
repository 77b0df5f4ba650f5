"""The words of ``hutong org apply``: English, 中文. See :mod:`hutong.cli.texts` for the keys."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "org apply": (
        "hutong org apply --passwords /srv/city/passwords --dry-run",
        "hutong org apply --renew 110000.water",
    ),
}

HELP: Mapping[str, tuple[str, str]] = {
    "org apply": (
        (
            "Let everybody do at the broker what the directory says, and nothing else.\n\n"
            "Passwords and ACLs of organisations and of the city's services are brought to where the directory is; all "
            "others are left alone. It takes the settings of the platform's operator, the broker's super user."
        ),
        (
            "按单位目录更新服务器 (Kafka) 的密码与访问权限。\n\n"
            "只处理目录内单位与本市服务的密码和权限，其余不动。须以平台管理员（服务器超级用户）的设置运行。"
        ),
    ),
    "org apply.passwords": (
        "Where password files are kept, one a user; <HUTONG_HOME>/passwords by default.",
        "密码文件夹，每个用户一个文件；缺省为 <HUTONG_HOME>/passwords。",
    ),
    "org apply.renew": (
        "Make a new password for this organisation or service; may be repeated.",
        "为该单位或服务重新生成密码；可重复。",
    ),
    "org apply.dry_run": ("Only show what would be done.", "只显示将要执行的操作。"),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "apply.password": ("{user}: its password is in {file}", "{user}：密码文件 {file}"),
    "apply.expelled": ("{user}: has no password any more", "{user}：密码已收回"),
    "apply.next": (
        "at the broker this holds from the next `hutong org apply` on",
        "服务器权限须由平台管理员运行 `hutong org apply` 后生效",
    ),
    "apply.done": ("the broker lets everybody do this now", "服务器权限已更新"),
    "apply.planned": ("not done: run it again without --dry-run", "未执行：去掉 --dry-run 后再运行"),
    "apply.same": (
        "the broker lets everybody do what the directory says already",
        "服务器权限与单位目录一致，无需更新",
    ),
}
