"""Makes a project and a logstore, and answers with what the service says about them."""

from session import LOGSTORE, PROJECT, answer, connect


def main():
    client = connect()
    client.create_project(PROJECT, "made by Python")
    client.create_logstore(PROJECT, LOGSTORE, ttl=7, shard_count=3)
    answer(
        {
            "get_project": client.get_project(PROJECT).get_body(),
            "list_project": client.list_project(project_name_pattern=PROJECT).get_body(),
            "get_logstore": client.get_logstore(PROJECT, LOGSTORE).get_body(),
            "list_logstore": client.list_logstore(PROJECT).get_body(),
            "list_shards": client.list_shards(PROJECT, LOGSTORE).get_body(),
        }
    )


if __name__ == "__main__":
    main()
