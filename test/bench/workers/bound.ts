// wrangler.toml binds a Workflow: without its class no Worker starts.
import { WorkflowEntrypoint } from 'cloudflare:workers'

export class Checkout extends WorkflowEntrypoint {}
