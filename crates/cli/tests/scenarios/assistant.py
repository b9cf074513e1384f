"""An assistant's client, the official one: over standard input and output (stdio PROVOST FOLDER) or HTTP (http URL TOKEN).

Reads one JSON document from standard input: a list of [tool, arguments]; writes what came of each, and what there is, as one JSON document.
"""

import asyncio
import json
import os
import sys

from httpx2 import AsyncClient
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


async def talk(read, write, calls):
    async with ClientSession(read, write) as session:
        began = await session.initialize()
        told = {"server": began.server_info.name, "instructions": began.instructions, "calls": []}
        told["tools"] = [tool.model_dump(mode="json", by_alias=True) for tool in (await session.list_tools()).tools]
        told["resources"] = [str(one.uri) for one in (await session.list_resources()).resources]
        told["templates"] = [one.uri_template for one in (await session.list_resource_templates()).resource_templates]
        told["prompts"] = {}
        for prompt in (await session.list_prompts()).prompts:
            shown = await session.get_prompt(prompt.name, {"who": "Jane Doe"})
            told["prompts"][prompt.name] = shown.messages[0].content.text
        for tool, arguments in calls:
            if tool == "read":
                try:
                    text = (await session.read_resource(arguments["uri"])).contents[0].text
                    told["calls"].append({"error": False, "said": json.loads(text)})
                except Exception as error:
                    told["calls"].append({"error": True, "said": str(error)})
                continue
            result = await session.call_tool(tool, arguments)
            said = result.structured_content if not result.is_error else result.content[0].text
            told["calls"].append({"error": bool(result.is_error), "said": said})
        json.dump(told, sys.stdout)


async def main():
    calls = json.load(sys.stdin)
    way, where, more = sys.argv[1:4]
    if way == "stdio":
        async with stdio_client(StdioServerParameters(command=where, args=["mcp"], cwd=more, env=dict(os.environ))) as (read, write):
            await talk(read, write, calls)
    else:
        async with AsyncClient(headers={"Authorization": f"Bearer {more}"}, timeout=60) as client:
            async with streamable_http_client(where, http_client=client) as streams:
                await talk(streams[0], streams[1], calls)


asyncio.run(main())
