/** The same page on aws-iot-device-sdk-v2, which has no guests of its own: Cognito is asked by fetch. */

import { auth, iot, mqtt5 } from "aws-iot-device-sdk-v2";

const { clientId, identity, iot: broker, region } = await (await fetch("/tickwire.json")).json();

async function ask(action, body) {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `AWSCognitoIdentityService.${action}`,
  };
  return (await fetch(identity.url, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

class Guest extends auth.CredentialsProvider {
  async refreshCredentials() {
    const { IdentityId } = await ask("GetId", { IdentityPoolId: identity.poolId });
    const { Credentials } = await ask("GetCredentialsForIdentity", { IdentityId });
    this.id = IdentityId;
    this.credentials = {
      aws_region: region,
      aws_access_id: Credentials.AccessKeyId,
      aws_secret_key: Credentials.SecretKey,
      aws_sts_token: Credentials.SessionToken,
    };
  }

  getCredentials() {
    return this.credentials;
  }
}

const guest = new Guest();
await guest.refreshCredentials();
const builder = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(broker.signingHost, {
  region,
  credentialsProvider: guest,
});
builder.withConnectProperties({
  clientId: clientId.replace("{identityId}", guest.id).replace("{random}", crypto.randomUUID()),
  keepAliveIntervalSeconds: 60,
});
const client = new mqtt5.Mqtt5Client(builder.build());
client.on("messageReceived", ({ message }) => {
  document.body.textContent = JSON.parse(new TextDecoder().decode(message.payload)).price;
});
client.on("connectionSuccess", () => {
  void client.subscribe({ subscriptions: [{ topicFilter: "prices/AAPL", qos: mqtt5.QoS.AtMostOnce }] });
});
client.start();
