/** The same page on @aws-amplify/pubsub. */

import { cognitoCredentialsProvider } from "@aws-amplify/auth/cognito";
import { Amplify, fetchAuthSession } from "@aws-amplify/core";
import { PubSub } from "@aws-amplify/pubsub";

const { identity, iot, region } = await (await fetch("/tickwire.json")).json();
Amplify.configure(
  { Auth: { Cognito: { identityPoolId: identity.poolId, allowGuestAccess: true } } },
  { Auth: { credentialsProvider: cognitoCredentialsProvider } },
);
const { identityId } = await fetchAuthSession();
const clientId = `${identityId}-${crypto.randomUUID()}`;
const pubsub = new PubSub({ region, endpoint: iot.url, clientId });
pubsub.subscribe({ topics: ["prices/AAPL"] }).subscribe({ next: ({ price }) => (document.body.textContent = price) });
